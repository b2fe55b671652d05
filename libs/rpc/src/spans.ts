/** Spans at the border between processes, made by hand: patched modules lose spans silently and halve the throughput. */
import { Metadata } from '@grpc/grpc-js';
import { SpanKind, SpanStatusCode, context, propagation, trace, type Span, type TextMapGetter, type TextMapSetter, type Tracer } from '@opentelemetry/api';

const setter: TextMapSetter<Metadata> = { set: (metadata, key, value) => metadata.set(key, value) };
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

export function startClientSpan(tracer: Tracer, method: string, metadata: Metadata): Span {
  const span = startSpan(tracer, method, SpanKind.CLIENT);
  propagation.inject(trace.setSpan(context.active(), span), metadata, setter);
  return span;
}

export function startServerSpan(tracer: Tracer, method: string, metadata: Metadata): Span {
  return startSpan(tracer, method, SpanKind.SERVER, propagation.extract(context.active(), metadata, getter));
}

/** Only the code: a message could carry what a customer typed. */
export function endSpan(span: Span, code: string): void {
  span.setAttribute('rpc.grpc.status', code);
  if (code !== 'OK') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
