/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a topic of Kafka now, by librdkafka's consumer: a line for each message, "PARTITION KEY VALUE", key and
 * value in hex; "-" is no key.
 *
 *     kafka_reader BROKERS TOPIC
 */
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

enum { PATIENCE = 60000 }; /* milliseconds */

static void set(rd_kafka_conf_t *configuration, const char *key, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(configuration, key, value, error, sizeof error) == RD_KAFKA_CONF_OK) return;
    fprintf(stderr, "%s: %s\n", key, error);
    exit(1);
}

static void print_hex(const void *bytes, size_t size) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; ++i) {
        putchar(digits[at[i] >> 4]);
        putchar(digits[at[i] & 15]);
    }
}

static int partitions_of(rd_kafka_t *consumer, const char *topic) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    if (rd_kafka_metadata(consumer, 0, handle, &metadata, PATIENCE) != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    const int count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

int main(int argc, char **argv) {
    char error[512];
    if (argc != 3) return 2;
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    set(configuration, "bootstrap.servers", argv[1]);
    set(configuration, "group.id", "reader");
    set(configuration, "enable.partition.eof", "true");
    set(configuration, "enable.auto.commit", "false");
    set(configuration, "isolation.level", "read_uncommitted");
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, error, sizeof error);
    if (consumer == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    const int partitions = partitions_of(consumer, argv[2]);
    if (partitions == 0) return 1;
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; ++i)
        rd_kafka_topic_partition_list_add(all, argv[2], i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, all);
    rd_kafka_topic_partition_list_destroy(all);
    for (int ends = 0; ends < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, PATIENCE);
        if (message == NULL) return 1;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ends;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            printf("%d ", message->partition);
            if (message->key == NULL) putchar('-');
            print_hex(message->key, message->key_len);
            putchar(' ');
            print_hex(message->payload, message->len);
            putchar('\n');
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return 0;
}
