/** What TypeScript's legacy decorators do: on the class, on each method, and on a method's parameters. */
export function decorated(type, ofClass, ofMethods = {}, ofParameters = {}) {
  for (const [name, decorators] of Object.entries(ofMethods)) {
    const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
    for (const decorate of decorators) decorate(type.prototype, name, descriptor);
    Object.defineProperty(type.prototype, name, descriptor);
  }
  for (const [name, decorators] of Object.entries(ofParameters)) decorators.forEach((decorate, index) => decorate(type.prototype, name, index));
  for (const decorate of ofClass) decorate(type);
}
