import { median } from '../numbers.ts'

/** How well the times of two kinds of request can be told apart. */
export type Verdict = { medianOfOne: number; medianOfOther: number; auc: number; noise: number; isMet: boolean }

/** A difference that an attacker needs thousands of requests to see is none; chance adds its own on top. */
const aim = 0.05

/**
 * The AUC is the chance that of a time of one kind and a time of the other the first is larger, ties counting half: 0.5 is
 * a coin, 1 or 0 tells all (Mann and Whitney). `noise` is twice its standard error where there is no difference.
 */
export function tellApart(one: number[], other: number[]): Verdict {
  const auc = (rankSum(one, other) - (one.length * (one.length + 1)) / 2) / (one.length * other.length)
  const noise = 2 * Math.sqrt((one.length + other.length + 1) / (12 * one.length * other.length))
  return {
    medianOfOne: median(one),
    medianOfOther: median(other),
    auc,
    noise,
    isMet: Math.abs(auc - 0.5) <= aim + noise,
  }
}

/** The sum of the ranks of `one` among all; equal times share the mean of their ranks. */
function rankSum(one: number[], other: number[]): number {
  const all = [...one.map((time) => ({ time, isOne: true })), ...other.map((time) => ({ time, isOne: false }))]
  all.sort((a, b) => a.time - b.time)
  let sum = 0
  for (let start = 0; start < all.length; ) {
    let end = start
    while (all[end + 1]?.time === all[start]?.time) end += 1
    const rank = (start + end) / 2 + 1
    sum += rank * all.slice(start, end + 1).filter(({ isOne }) => isOne).length
    start = end + 1
  }
  return sum
}
