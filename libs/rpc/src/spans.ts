/** Spans at the border between processes, made by hand: patched modules lose spans silently and halve the throughput. */
import { Metadata } from '@grpc/grpc-js';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Context, type Span, type TextMapGetter, type TextMapSetter, type Tracer } from '@opentelemetry/api';

const setter: TextMapSetter<Record<string, string>> = { set: (carrier, key, value) => void (carrier[key] = value) };
const getter: TextMapGetter<Metadata> = {
  get: (metadata, key) => metadata.get(key).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};

/** `method` is `kiosk.sessions.v1.Sessions/GetSession`: OpenTelemetry's RPC conventions. */
function startSpan(tracer: Tracer, method: string, kind: SpanKind, parent = context.active()): Span {
  const slash = method.indexOf('/');
  return tracer.startSpan(
    method,
    { kind, attributes: { 'rpc.system': 'grpc', 'rpc.service': method.slice(0, slash), 'rpc.method': method.slice(slash + 1) } },
    parent,
  );
}

/** A span, and what has to travel with the request so that the server's becomes its child: `traceparent`. */
export function startClientSpan(tracer: Tracer, method: string): { span: Span; carrier: Record<string, string> } {
  const span = startSpan(tracer, method, SpanKind.CLIENT);
  const carrier: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), carrier, setter);
  return { span, carrier };
}

export function startServerSpan(tracer: Tracer, method: string, parent: Context): Span {
  return startSpan(tracer, method, SpanKind.SERVER, parent);
}

/** The caller's span, from metadata or from what `startClientSpan` gave. */
export function parentIn(carrier: Metadata | Record<string, string>): Context {
  return carrier instanceof Metadata ? propagation.extract(ROOT_CONTEXT, carrier, getter) : propagation.extract(ROOT_CONTEXT, carrier);
}

/** Only the code: a message could carry what a customer typed. */
export function endSpan(span: Span, code: string): void {
  span.setAttribute('rpc.grpc.status', code);
  if (code !== 'OK') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
