// SPDX-License-Identifier: Apache-2.0
#include "batch/exporter_course.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using State = ExporterCourse::State;

TEST(ExporterCourseTest, GoesByWhatCameSinceTheLookBefore) {
    ExporterCourse course;
    ExporterStatus status;
    course.look(status, 1);
    EXPECT_EQ(course.state(), State::kOk) << "nothing was sent yet";
    EXPECT_EQ(course.since_unix_nano(), 1u);
    EXPECT_EQ(course.last_error_unix_nano(), 0u);

    status.healthy = false;
    status.attempts_failed = 1;
    status.last_error = "connection refused";
    course.look(status, 2);
    EXPECT_EQ(course.state(), State::kRetrying);
    EXPECT_EQ(course.last_error(), "connection refused");
    course.look(status, 3);
    EXPECT_EQ(course.since_unix_nano(), 2u) << "it still is";
    EXPECT_EQ(course.last_error_unix_nano(), 2u) << "nothing new went wrong";
    status.attempts_failed = 2;
    course.look(status, 4);
    EXPECT_EQ(course.last_error_unix_nano(), 4u) << "the same once more";

    status.healthy = true;
    status.attempts_accepted = 1;
    course.look(status, 5);
    EXPECT_EQ(course.state(), State::kOk);
    EXPECT_EQ(course.since_unix_nano(), 5u);
    EXPECT_EQ(course.last_error(), "connection refused") << "what was last";

    status.attempts_rejected = 1;
    status.last_error = "400";
    course.look(status, 6);
    EXPECT_EQ(course.state(), State::kRefused);
    course.look(status, 7);
    EXPECT_EQ(course.state(), State::kRefused) << "until it takes something";
    status.attempts_rejected = 2;
    status.attempts_accepted = 2;
    course.look(status, 8);
    EXPECT_EQ(course.state(), State::kOk) << "it takes some";
}

TEST(ExporterCourseTest, WhatWritesHereAndMakesNoAttemptsIsWellAgainOnceItWorks) {
    ExporterCourse course;
    ExporterStatus status;
    status.healthy = false;
    status.last_error = "no space left on device";
    course.look(status, 1);
    EXPECT_EQ(course.state(), State::kRetrying);
    status.healthy = true;
    course.look(status, 2);
    EXPECT_EQ(course.state(), State::kOk);
}

TEST(ExporterCourseTest, APauseIsSomebodysWordWhateverTheBackendDoes) {
    ExporterCourse course;
    ExporterStatus status;
    status.healthy = false;
    course.look(status, 1);
    status.paused = true;
    course.look(status, 2);
    EXPECT_EQ(course.state(), State::kPaused);
    EXPECT_EQ(course.since_unix_nano(), 2u);
    status.healthy = true;
    course.look(status, 3);
    EXPECT_EQ(course.state(), State::kPaused);
    EXPECT_EQ(course.since_unix_nano(), 2u);
    status.paused = false;
    course.look(status, 4);
    EXPECT_EQ(course.state(), State::kOk);
}

}  // namespace
}  // namespace spanring::agent
