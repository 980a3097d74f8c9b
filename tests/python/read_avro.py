"""Reads canonical records the way an analytics team would: Confluent's consumer and Avro deserializer, nothing of ours.

Prints one JSON object per record; decimals and bytes as text, times as ISO 8601.
"""

import argparse
import base64
import datetime
import decimal
import json
import sys
import time
import uuid

from confluent_kafka import DeserializingConsumer, KafkaError
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer


def plain(value):
    """JSON has no decimals, times or bytes."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value)}")


def text(raw):
    return None if raw is None else raw.decode("utf-8", errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--registry", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--max", type=int, default=1_000_000)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds without a record after which reading ends")
    arguments = parser.parse_args()

    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": arguments.brokers,
            "group.id": arguments.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "value.deserializer": AvroDeserializer(SchemaRegistryClient({"url": arguments.registry})),
        }
    )
    consumer.subscribe([arguments.topic])
    seen = 0
    deadline = time.monotonic() + arguments.timeout
    try:
        while seen < arguments.max and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    continue
                print(f"reading failed: {message.error()}", file=sys.stderr)
                return 1
            seen += 1
            deadline = time.monotonic() + arguments.timeout
            record = {
                "topic": message.topic(),
                "partition": message.partition(),
                "offset": message.offset(),
                "key": text(message.key()),
                "headers": {name: text(value) for name, value in message.headers() or []},
                "value": message.value(),
            }
            print(json.dumps(record, default=plain, ensure_ascii=False))
    finally:
        consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
