/** Told once per finished call; a service feeds its duration histogram and its log with it. `code` is the gRPC status by name. */
export type Observe = (call: { side: 'server' | 'client'; method: string; requestId: string; code: string; seconds: number }) => void;
