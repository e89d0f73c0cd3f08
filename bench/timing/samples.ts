/** Times in milliseconds: of what, and of which kind. */
export type Samples = Record<string, Record<string, number[]>>

export function addTime(samples: Samples, what: string, kind: string, time: number): void {
  const byKind = samples[what] ?? {}
  byKind[kind] = [...(byKind[kind] ?? []), time]
  samples[what] = byKind
}

export function inRandomOrder<T>(things: T[]): T[] {
  return things
    .map((thing) => ({ thing, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ thing }) => thing)
}
