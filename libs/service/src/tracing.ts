// Traces. Off without an endpoint: then no part of the OpenTelemetry SDK is loaded and a span costs next to nothing.
// Each service has a provider of its own, so that several services in one process do not sign each other's spans.
// Not used: automatic instrumentation. Spans are started by hand at the borders we own, with inSpan.
import { ProxyTracerProvider, SpanStatusCode, context, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanKind, Tracer, TracerProvider } from '@opentelemetry/api';
import { errorWord } from './errors.ts';
import { stopWithin } from './stop.ts';

export interface Tracing extends AsyncDisposable {
  readonly tracer: Tracer;
}

/**
 * Starts tracing for one service, named `kiosk-<service>`. `endpoint` is the collector's base address; `/v1/traces` is added.
 * The standard OTEL_* variables for sampling, batching, limits and headers hold. Disposing sends what is left,
 * within half a second more than an export may take; what a dead collector does not take is lost.
 */
export async function startTracing({ service, endpoint, protocol, exportTimeoutMs = 1000 }: {
  service: string;
  endpoint?: string;
  protocol: 'http/json' | 'http/protobuf';
  /** How long one export may take, and so how long a dead collector can hold up the end of the process. */
  exportTimeoutMs?: number;
}): Promise<Tracing> {
  if (endpoint === undefined) {
    return { tracer: new ProxyTracerProvider().getTracer(`kiosk-${service}`), [Symbol.asyncDispose]: async () => {} };
  }
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    protocol === 'http/json' ? import('@opentelemetry/exporter-trace-otlp-http') : import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  const sdk = new NodeSDK({
    serviceName: `kiosk-${service}`,
    traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: exportTimeoutMs }),
    // Without these two the SDK exports metrics and logs as well.
    metricReaders: [],
    logRecordProcessors: [],
    // The default detectors would send the command line, the user's and the machine's names. The SDK's own
    // switch OTEL_NODE_RESOURCE_DETECTORS still brings them back.
    autoDetectResources: Boolean(process.env['OTEL_NODE_RESOURCE_DETECTORS']),
  });
  return {
    tracer: startedProvider(() => sdk.start()).getTracer(`kiosk-${service}`),
    [Symbol.asyncDispose]: async () => {
      // A collector that is away is no reason for a failed stop.
      await stopWithin(exportTimeoutMs + 500, { [Symbol.asyncDispose]: () => sdk.shutdown() }).catch(() => {});
    },
  };
}

// The SDK hands out its provider only by registering it globally: take it from there and clear the place for the next one.
// The context manager and the W3C propagator that it registers stay; the API keeps the first of each per process.
function startedProvider(start: () => void): TracerProvider {
  trace.disable();
  start();
  const provider = trace.getTracerProvider();
  trace.disable();
  return provider;
}

/**
 * Runs `fn` inside a new active span and ends the span. An error marks it failed with a Fault's reason or the error's
 * name, never its message, and is thrown on. `parent` replaces the active context, as extracted from a caller's headers.
 */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  { kind, attributes, parent = context.active() }: { kind?: SpanKind; attributes?: Attributes; parent?: Context },
  fn: (span: Span) => T | Promise<T>,
): Promise<T> {
  const span = tracer.startSpan(name, { kind, attributes }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), fn, undefined, span);
  } catch (error) {
    const word = errorWord(error);
    span.setAttribute('error.type', word).setStatus({ code: SpanStatusCode.ERROR, message: word });
    throw error;
  } finally {
    span.end();
  }
}
