// SPDX-License-Identifier: Apache-2.0
//
// Finds and reads the thread contexts of another process by OTEP 4947's Reading Protocol: the symbol in the dynamic
// symbol table, the access model from its relocation, the record from a thread that ptrace has stopped. 64 bits, glibc.
#pragma once

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "support/profiled_process.hpp"

namespace spanring::test {

struct ThreadContextRecord {
    uint8_t trace_id[16];
    uint8_t span_id[8];
    uint8_t valid;
    uint8_t trace_flags;
    uint16_t attributes_size;
};
static_assert(sizeof(ThreadContextRecord) == 28);

#if defined(__x86_64__)
constexpr uint32_t kRelocationDescriptor = R_X86_64_TLSDESC, kRelocationModule = R_X86_64_DTPMOD64;
constexpr uint64_t kVectorAt = 8;  // of the dynamic thread vector's address, from the thread pointer
#else
constexpr uint32_t kRelocationDescriptor = R_AARCH64_TLSDESC, kRelocationModule = R_AARCH64_TLS_DTPMOD;
constexpr uint64_t kVectorAt = 0;
#endif

// Where each thread of a process has the variable.
class ThreadContextPlace {
public:
    enum Access { kNone, kDescriptor, kModule, kStatic };

    explicit ThreadContextPlace(pid_t process) : process_(process) {
        std::string before;
        for (const Mapping& mapping : mappings_of(process)) {
            if (mapping.offset != 0 || mapping.name.empty() || mapping.name[0] != '/' || mapping.name == before)
                continue;
            before = mapping.name;
            look_into(mapping);
            if (access_ != kNone) return;
        }
    }
    Access access() const { return access_; }

    // The variable of the thread with this thread pointer.
    uint64_t address(uint64_t thread_pointer) const {
        if (access_ == kStatic) return thread_pointer + offset_;
        uint64_t pair[2] = {};  // a descriptor: resolver and argument; else module and offset
        EXPECT_TRUE(read_memory(process_, slot_, pair));
        if (access_ == kDescriptor) {
            constexpr int64_t kLargestStatic = 1 << 24;
            const int64_t argument = static_cast<int64_t>(pair[1]);
            if (-kLargestStatic < argument && argument < kLargestStatic) return thread_pointer + pair[1];
            EXPECT_TRUE(read_memory(process_, pair[1], pair));
        }
        uint64_t vector = 0, block = 0;
        EXPECT_TRUE(read_memory(process_, thread_pointer + kVectorAt, vector));
        EXPECT_TRUE(read_memory(process_, vector + 16 * pair[0], block));
        return block + pair[1];
    }

private:
    void look_into(const Mapping& mapping) {
        std::ifstream stream(mapping.name, std::ios::binary);
        const std::string file{std::istreambuf_iterator<char>(stream), {}};
        if (file.size() < sizeof(Elf64_Ehdr) || memcmp(file.data(), ELFMAG, SELFMAG) != 0) return;
        const auto& header = at<Elf64_Ehdr>(file, 0);
        std::optional<Elf64_Sym> symbol;
        uint32_t index = 0;
        for (uint32_t i = 0; i < header.e_shnum; ++i) {
            const auto& section = at<Elf64_Shdr>(file, header.e_shoff, i);
            if (section.sh_type != SHT_DYNSYM) continue;
            const auto& names = at<Elf64_Shdr>(file, header.e_shoff, section.sh_link);
            for (uint32_t entry = 0; entry < section.sh_size / sizeof(Elf64_Sym); ++entry) {
                const auto& candidate = at<Elf64_Sym>(file, section.sh_offset, entry);
                if (candidate.st_shndx == SHN_UNDEF ||
                    strcmp(&file[names.sh_offset + candidate.st_name], "otel_thread_ctx_v1") != 0)
                    continue;
                EXPECT_EQ(ELF64_ST_TYPE(candidate.st_info), STT_TLS);
                symbol = candidate;
                index = entry;
            }
        }
        if (!symbol) return;
        for (uint32_t i = 0; i < header.e_shnum; ++i) {
            const auto& section = at<Elf64_Shdr>(file, header.e_shoff, i);
            if (section.sh_type != SHT_RELA) continue;
            for (uint32_t entry = 0; entry < section.sh_size / sizeof(Elf64_Rela); ++entry) {
                const auto& relocation = at<Elf64_Rela>(file, section.sh_offset, entry);
                if (ELF64_R_SYM(relocation.r_info) != index) continue;
                const uint32_t type = ELF64_R_TYPE(relocation.r_info);
                if (type != kRelocationDescriptor && type != kRelocationModule) continue;
                access_ = type == kRelocationDescriptor ? kDescriptor : kModule;
                slot_ = mapping.begin + relocation.r_offset;
                return;
            }
        }
        for (uint32_t i = 0; i < header.e_phnum; ++i) {
            const auto& program = at<Elf64_Phdr>(file, header.e_phoff, i);
            if (program.p_type != PT_TLS) continue;
            const auto up = [&](uint64_t size) {
                return (size + program.p_align - 1) / program.p_align * program.p_align;
            };
            access_ = kStatic;
#if defined(__x86_64__)
            offset_ = symbol->st_value - up(program.p_memsz);
#else
            offset_ = symbol->st_value + up(16);
#endif
        }
    }
    template <class Entry>
    static const Entry& at(const std::string& file, uint64_t offset, uint64_t index = 0) {
        return reinterpret_cast<const Entry&>(file.at(offset + index * sizeof(Entry)));
    }

    pid_t process_;
    Access access_ = kNone;
    uint64_t slot_ = 0;    // of the descriptor, or of the pair of module and offset
    uint64_t offset_ = 0;  // kStatic: from the thread pointer
};

// A thread that stands still while this lives.
class StoppedThread {
public:
    explicit StoppedThread(pid_t thread) : thread_(thread) {
        if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0 ||
            ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0)
            return;
        stopped_ = wait();
    }
    ~StoppedThread() {
        if (stopped_) ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
    }
    StoppedThread(const StoppedThread&) = delete;
    StoppedThread& operator=(const StoppedThread&) = delete;

    explicit operator bool() const { return stopped_; }

    // One instruction, or the way into the handler of a signal.
    bool step(int signal = 0) { return ptrace(PTRACE_SINGLESTEP, thread_, nullptr, signal) == 0 && wait(); }

    uint64_t thread_pointer() const {
#if defined(__x86_64__)
        user_regs_struct registers{};
        EXPECT_EQ(ptrace(PTRACE_GETREGS, thread_, nullptr, &registers), 0);
        return registers.fs_base;
#else
        uint64_t pointer = 0;
        iovec place{&pointer, sizeof pointer};
        EXPECT_EQ(ptrace(PTRACE_GETREGSET, thread_, NT_ARM_TLS, &place), 0);
        return pointer;
#endif
    }

    // The variable points nowhere, or its record is not valid: nothing.
    std::optional<ThreadContextRecord> context(uint64_t address) const {
        uint64_t pointer = 0;
        EXPECT_TRUE(read_memory(thread_, address, pointer));
        if (pointer == 0) return std::nullopt;
        EXPECT_EQ(pointer % 2, 0u);
        ThreadContextRecord record;
        if (!read_memory(thread_, pointer, record)) {
            ADD_FAILURE() << "points at nothing";
            return std::nullopt;
        }
        if (record.valid != 1) return std::nullopt;
        return record;
    }

private:
    bool wait() {
        int status = 0;
        return waitpid(thread_, &status, __WALL) == thread_ && WIFSTOPPED(status);
    }

    pid_t thread_;
    bool stopped_ = false;
};

}  // namespace spanring::test
