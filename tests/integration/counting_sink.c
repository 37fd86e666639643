/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend that takes OTLP over HTTP as fast as it comes, keeps no span, and knows of each whether it came before and
 * how old it was. What it is told, by its standard input, a line each:
 *
 *     away        it closes its connections and listens no more
 *     there       it listens again, at the same port
 *     report      it prints a line of JSON for each second in which something came, then one of all, then "end"
 *
 *     counting_sink LIVE_MS       prints its port first; a span that began no longer ago than LIVE_MS is a live one
 *
 * Ends with its input. One thread; the ids of all spans are in memory, 8 bytes each.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kConnections = 64, kSeconds = 24 * 3600, kMostHeader = 16 << 10, kMostBody = 64 << 20 };

typedef struct second {
    uint64_t requests, bytes, live, old;
} second;
typedef struct connection {
    int socket; /* negative: none */
    char *bytes;
    size_t size, room;
} connection;

static second seconds[kSeconds];
static connection connections[kConnections];
static uint64_t *ids;
static size_t id_count, id_room;
static uint64_t live_ns, began_ns, broken;

static uint64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *grown(void *memory, size_t size) {
    void *const more = realloc(memory, size);
    if (more == NULL) abort();
    return more;
}

static uint64_t varint(const uint8_t **at, const uint8_t *end) {
    uint64_t value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        const uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    ++broken;
    *at = end;
    return 0;
}

/* The next field: its number, its bytes (of a fixed number those of it). 0: there is none. */
static unsigned field(const uint8_t **at, const uint8_t *end, const uint8_t **ret_bytes, size_t *ret_size) {
    if (*at >= end) return 0;
    const uint64_t tag = varint(at, end);
    size_t size = 0;
    switch (tag & 7) {
        case 0: varint(at, end); break;
        case 1: size = 8; break;
        case 2: size = varint(at, end); break;
        case 5: size = 4; break;
        default: size = SIZE_MAX;
    }
    if (size > (size_t)(end - *at)) {
        ++broken;
        *at = end;
        return 0;
    }
    *ret_bytes = *at;
    *ret_size = size;
    *at += size;
    return (unsigned)(tag >> 3);
}

static void take_span(const uint8_t *at, const uint8_t *end, uint64_t unix_now, second *of) {
    const uint8_t *bytes;
    size_t size;
    uint64_t id = 0, start = 0;
    for (unsigned number; (number = field(&at, end, &bytes, &size)) != 0;) {
        if (number == 2 && size == 8) memcpy(&id, bytes, 8);
        if (number == 7 && size == 8) memcpy(&start, bytes, 8);
    }
    if (id_count == id_room) ids = grown(ids, (id_room = id_room ? 2 * id_room : 1 << 20) * sizeof *ids);
    ids[id_count++] = id;
    if (unix_now - start <= live_ns || start > unix_now)
        ++of->live;
    else
        ++of->old;
}

static void take_request(const uint8_t *at, size_t size) {
    const uint8_t *const end = at + size;
    const uint64_t unix_now = now(CLOCK_REALTIME);
    second *const of = &seconds[(now(CLOCK_MONOTONIC) - began_ns) / 1000000000u % kSeconds];
    const uint8_t *resource, *scope, *span;
    size_t resource_size, scope_size, span_size;
    ++of->requests;
    of->bytes += size;
    for (unsigned one; (one = field(&at, end, &resource, &resource_size)) != 0;) {
        const uint8_t *const resource_end = resource + resource_size;
        for (unsigned two; one == 1 && (two = field(&resource, resource_end, &scope, &scope_size)) != 0;) {
            const uint8_t *const scope_end = scope + scope_size;
            for (unsigned three; two == 2 && (three = field(&scope, scope_end, &span, &span_size)) != 0;)
                if (three == 2) take_span(span, span + span_size, unix_now, of);
        }
    }
}

static void hang_up(connection *each) {
    close(each->socket);
    free(each->bytes);
    memset(each, 0, sizeof *each);
    each->socket = -1;
}

static int say(int socket, const char *text) {
    return send(socket, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* What is there of a request. Returns how many bytes are done with; negative: the connection ends. */
static ssize_t take(connection *each) {
    static const char kLength[] = "content-length:", kExpect[] = "expect:";
    const char *const body = memmem(each->bytes, each->size, "\r\n\r\n", 4);
    if (body == NULL) return each->size > kMostHeader ? -1 : 0;
    size_t length = 0;
    int expects = 0;
    for (const char *line = each->bytes; line < body; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, kLength, sizeof kLength - 1) == 0) length = strtoul(line + sizeof kLength - 1, NULL, 10);
        if (strncasecmp(line, kExpect, sizeof kExpect - 1) == 0) expects = 1;
    }
    const size_t head = (size_t)(body - each->bytes) + 4;
    if (length > kMostBody) return -1;
    if (each->size < head + length) {
        if (expects && each->size == head && !say(each->socket, "HTTP/1.1 100 Continue\r\n\r\n")) return -1;
        return 0;
    }
    take_request((const uint8_t *)each->bytes + head, length);
    if (!say(each->socket, "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"))
        return -1;
    return (ssize_t)(head + length);
}

static void hear(connection *each) {
    if (each->room - each->size < (size_t)1 << 20) each->bytes = grown(each->bytes, each->room += (size_t)4 << 20);
    const ssize_t got = recv(each->socket, each->bytes + each->size, each->room - each->size - 1, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) hang_up(each);
        return;
    }
    each->size += (size_t)got;
    each->bytes[each->size] = '\0';
    for (ssize_t done; (done = take(each)) != 0;) {
        if (done < 0) {
            hang_up(each);
            return;
        }
        each->size -= (size_t)done;
        memmove(each->bytes, each->bytes + done, each->size + 1);
    }
}

static int listen_at(uint16_t port, uint16_t *ret_port) {
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, kConnections) != 0) {
        perror("counting_sink: listen");
        exit(1);
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static void welcome(int listener) {
    const int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    for (int i = 0; i < kConnections; ++i) {
        if (connections[i].socket >= 0) continue;
        connections[i].socket = client;
        return;
    }
    close(client);
}

static int by_value(const void *one, const void *other) {
    const uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return left < right ? -1 : left > right;
}

static void report(void) {
    uint64_t requests = 0, distinct = 0;
    for (size_t i = 0; i < kSeconds; ++i) {
        const second *const each = &seconds[i];
        if (each->requests == 0) continue;
        requests += each->requests;
        printf("{\"second\":%zu,\"requests\":%llu,\"bytes\":%llu,\"live\":%llu,\"old\":%llu}\n", i,
               (unsigned long long)each->requests, (unsigned long long)each->bytes, (unsigned long long)each->live,
               (unsigned long long)each->old);
    }
    qsort(ids, id_count, sizeof *ids, by_value);
    for (size_t i = 0; i < id_count; ++i) distinct += i == 0 || ids[i] != ids[i - 1];
    printf("{\"spans\":%zu,\"distinct\":%llu,\"requests\":%llu,\"broken\":%llu,\"now\":%.3f}\nend\n", id_count,
           (unsigned long long)distinct, (unsigned long long)requests, (unsigned long long)broken,
           (double)(now(CLOCK_MONOTONIC) - began_ns) / 1e9);
    fflush(stdout);
}

/* 0: the end. */
static int obey(int *listener, uint16_t port) {
    char line[64];
    if (fgets(line, sizeof line, stdin) == NULL) return 0;
    if (strcmp(line, "report\n") == 0) {
        report();
        return 1;
    }
    if (strcmp(line, "away\n") == 0) {
        close(*listener);
        *listener = -1;
        for (int i = 0; i < kConnections; ++i)
            if (connections[i].socket >= 0) hang_up(&connections[i]);
    } else if (*listener < 0) {
        *listener = listen_at(port, &port);
    }
    printf("did %s", line);
    fflush(stdout);
    return 1;
}

int main(int count, char **words) {
    uint16_t port = 0;
    if (count != 2) return 2;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() is to see each line */
    live_ns = strtoull(words[1], NULL, 10) * 1000000u;
    began_ns = now(CLOCK_MONOTONIC);
    for (int i = 0; i < kConnections; ++i) connections[i].socket = -1;
    int listener = listen_at(0, &port);
    printf("%u\n", port);
    fflush(stdout);
    for (;;) {
        struct pollfd waits[2 + kConnections] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        for (int i = 0; i < kConnections; ++i) {
            waits[2 + i].fd = connections[i].socket;
            waits[2 + i].events = POLLIN;
        }
        if (poll(waits, 2 + kConnections, -1) < 0 && errno != EINTR) return 1;
        for (int i = 0; i < kConnections; ++i)
            if (waits[2 + i].revents != 0 && connections[i].socket == waits[2 + i].fd) hear(&connections[i]);
        if (waits[1].revents != 0) welcome(listener);
        if (waits[0].revents != 0 && !obey(&listener, port)) return 0;
    }
}
