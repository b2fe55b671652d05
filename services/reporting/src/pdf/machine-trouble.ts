const codes = new Set<unknown>(['ERR_WORKER_INIT_FAILED', 'ERR_WORKER_OUT_OF_MEMORY', 'ERR_MEMORY_ALLOCATION_FAILED', 'ERR_ZLIB_INITIALIZATION_FAILED', 'Z_MEM_ERROR']);

/** Whether an error tells of the machine, which will be well again, rather than of what was asked of it. */
export function isMachineTrouble(error: unknown): boolean {
  const { name, code, syscall, message } = Object(error) as { name?: unknown; code?: unknown; syscall?: unknown; message?: unknown };
  // What the operating system refuses names the call; V8 has nothing but words for memory that it does not get.
  return syscall !== undefined || codes.has(code) || (name === 'RangeError' && String(message).includes('allocation failed'));
}
