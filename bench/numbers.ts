export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN
  return (lower + upper) / 2
}

/** Returns the nearest-rank percentile: the smallest number that at least `percent` % of them do not exceed. */
export function percentile(numbers: number[], percent: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? NaN
}

export function mean(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0) / numbers.length
}
