// What every process does: settings, log, metrics, traces, health, run and stop.
export { SettingsError, commonSettings, declare, describeSettings, loadSettingsFile, readSettings, setting, settingsFilePath, unknownSettings } from './settings.ts';
export type { Setting, Settings, SettingsDeclaration, SettingsFile } from './settings.ts';
export { grpcAddress, grpcTls } from './grpc.ts';
export { jsonSchemaOf } from './json-schema.ts';
export { createLog } from './log.ts';
export type { Log, LogFields, LogFormat, LogLevel } from './log.ts';
export { prettyLine } from './pretty.ts';
export { createMetrics, observeCalls, observeStorage } from './metrics.ts';
export type { Metrics } from './metrics.ts';
export { inSpan, startTracing } from './tracing.ts';
export type { Tracing } from './tracing.ts';
export { startHealth } from './health.ts';
export type { Health, Readiness } from './health.ts';
export { run, stopWithin } from './run.ts';
export type { Running } from './run.ts';
export { Changes } from './changes.ts';
export { logFailedJob, startJob } from './jobs.ts';
export type { Job } from './jobs.ts';
