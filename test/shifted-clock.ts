// For `node --import`: shifts the clock of the process by CLOCK_SHIFT_SECONDS, in all its threads.
const shift = Number(process.env['CLOCK_SHIFT_SECONDS']) * 1000
const now = Date.now

globalThis.Date = new Proxy(Date, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length > 0 ? given : [now() + shift], newTarget),
})
Date.now = () => now() + shift
