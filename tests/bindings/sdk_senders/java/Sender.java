// SPDX-License-Identifier: Apache-2.0
//
// Spans of OpenTelemetry's SDK for Java: Sender grpc|http ENDPOINT. Batch after batch until its input ends; says what the
// exporter said of each, "answered FIRST COUNT" or "failed FIRST COUNT", with numbers that are in the spans' names.

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

final class Sender {
  private static final int BATCH = 20; // spans

  private static final class Ended implements SpanProcessor {
    final List<SpanData> spans = new ArrayList<>();

    @Override
    public void onStart(Context parent, ReadWriteSpan span) {}

    @Override
    public boolean isStartRequired() {
      return false;
    }

    @Override
    public void onEnd(ReadableSpan span) {
      spans.add(span.toSpanData());
    }

    @Override
    public boolean isEndRequired() {
      return true;
    }
  }

  private static SpanExporter exporter(String protocol, String endpoint) {
    return protocol.equals("grpc")
        ? OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).build()
        : OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").build();
  }

  private static void make(Tracer tracer, long number) {
    Span span =
        tracer.spanBuilder("span " + number).setNoParent().setSpanKind(SpanKind.CLIENT).startSpan();
    span.setAttribute("number", number);
    span.setAttribute("text", "Gr\u00fc\u00dfe");
    span.setAttribute("yes", true);
    span.setAttribute("half", 0.5);
    span.setAttribute(AttributeKey.stringArrayKey("words"), List.of("a", "b"));
    span.addEvent("sent", Attributes.of(AttributeKey.longKey("size"), 7L));
    span.setStatus(StatusCode.ERROR, "refused");
    span.end();
  }

  public static void main(String[] arguments) throws Exception {
    Ended ended = new Ended();
    SpanExporter exporter = exporter(arguments[0], arguments[1]);
    Resource resource =
        Resource.getDefault()
            .merge(Resource.builder().put("service.name", "java-" + arguments[0]).build());
    SdkTracerProvider provider =
        SdkTracerProvider.builder().setResource(resource).addSpanProcessor(ended).build();
    Tracer tracer = provider.tracerBuilder("sender").setInstrumentationVersion("1.2.3").build();

    AtomicBoolean goingOn = new AtomicBoolean(true);
    Thread input =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (java.io.IOException gone) {
                // as an end
              }
              goingOn.set(false);
            });
    input.setDaemon(true);
    input.start();

    System.out.println("ready");
    for (long first = 0; goingOn.get(); first += BATCH) {
      for (long number = first; number < first + BATCH; ++number) {
        make(tracer, number);
      }
      CompletableResultCode result = exporter.export(ended.spans);
      result.join(60, TimeUnit.SECONDS);
      System.out.println(
          (result.isSuccess() ? "answered " : "failed ") + first + " " + ended.spans.size());
      ended.spans.clear();
      Thread.sleep(5);
    }
    exporter.shutdown().join(10, TimeUnit.SECONDS);
    System.out.println("done");
  }
}
