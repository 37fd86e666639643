/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of Kafka that is no more than librdkafka's stand-in for one, on loopback. It forgets what is more than 5 MB
 * in a partition.
 *
 *     kafka_cluster TOPIC PARTITIONS
 *
 * Prints its brokers' addresses, and does what lines on its standard input say: "down", "up". Ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

int main(int argc, char **argv) {
    char error[512], line[64];
    if (argc != 3) return 2;
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof error);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(handle, 1);
    if (cluster == NULL || rd_kafka_mock_topic_create(cluster, argv[1], atoi(argv[2]), 1) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 1;
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "down\n") == 0) rd_kafka_mock_broker_set_down(cluster, 1);
        if (strcmp(line, "up\n") == 0) rd_kafka_mock_broker_set_up(cluster, 1);
        printf("did %s", line);
        fflush(stdout);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return 0;
}
