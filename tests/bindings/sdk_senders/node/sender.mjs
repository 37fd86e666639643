// SPDX-License-Identifier: Apache-2.0
//
// Spans of OpenTelemetry's SDK for Node: sender.mjs grpc|http|json ENDPOINT. As ../java/Sender.java.
import process from "node:process";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { OTLPTraceExporter as Grpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as Json } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as Protobuf } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const BATCH = 20; // spans

const [protocol, endpoint] = process.argv.slice(2);
const path = protocol === "grpc" ? "" : "/v1/traces";
const exporter = new { grpc: Grpc, http: Protobuf, json: Json }[protocol]({ url: endpoint + path });
const ended = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  resource: defaultResource().merge(resourceFromAttributes({ "service.name": `nodejs-${protocol}` })),
  spanProcessors: [new SimpleSpanProcessor(ended)],
});
const tracer = provider.getTracer("sender", "1.2.3");

let goingOn = true;
process.stdin.on("end", () => (goingOn = false)).resume();

function make(number) {
  const span = tracer.startSpan(`span ${number}`, { kind: SpanKind.CLIENT }, ROOT_CONTEXT);
  span.setAttributes({ number, text: "Grüße", yes: true, half: 0.5, words: ["a", "b"] });
  span.addEvent("sent", { size: 7 });
  span.setStatus({ code: SpanStatusCode.ERROR, message: "refused" });
  span.end();
}

console.log("ready");
for (let first = 0; goingOn; first += BATCH) {
  for (let number = first; number < first + BATCH; ++number) make(number);
  await provider.forceFlush();
  const spans = ended.getFinishedSpans();
  ended.reset();
  const result = await new Promise((done) => exporter.export(spans, done));
  console.log(`${result.code === 0 ? "answered" : "failed"} ${first} ${spans.length}`);
  await new Promise((done) => setTimeout(done, 5));
}
await exporter.shutdown();
console.log("done");
