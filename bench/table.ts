import { median } from './numbers.ts'

/** A row of the table. `isMet` is undefined if there is no aim. */
export type Row = {
  what: string
  floor: string
  movieBag: string
  ratio: string
  aim: string
  isMet: boolean | undefined
}

/** The results of all three subjects, one per round. */
export type PipelinedResults = Results & { pipelined: number[] }

/** Makes a row from the numbers of both subjects, one per round. */
export type Results = { floor: number[]; movieBag: number[] }

/** A rate per second: more is better. */
export function rateRow(what: string, results: Results, atLeast: number): Row {
  const isMet = ratioOf(results) >= atLeast
  return { ...shown(what, results, perSecond), aim: `≥ ${atLeast.toFixed(2)}`, isMet }
}

/** A rate per second, compared with the pipelined floor. */
export function pipelinedRow(what: string, { floor, pipelined, movieBag }: PipelinedResults, atLeast: number): Row {
  const row = rateRow(what, { floor: pipelined, movieBag }, atLeast)
  return { ...row, floor: `${perSecond(median(floor))}, pipelined ${row.floor}` }
}

/** Time or memory: less is better. */
export function costRow(what: string, results: Results, unit: string, atMost?: number): Row {
  const row = shown(what, results, (amount) => `${round(amount)} ${unit}`)
  if (atMost === undefined) return { ...row, aim: '', isMet: undefined }
  return { ...row, aim: `≤ ${atMost.toFixed(2)}`, isMet: ratioOf(results) <= atMost }
}

/** The share of mails that arrived, from 0 to 1. */
export function shareRow(what: string, floor: number, movieBag: number, atLeast: number): Row {
  const [floorShare, movieBagShare] = [percent(floor), percent(movieBag)]
  const aim = atLeast === 1 ? 'all' : `≥ ${percent(atLeast)}`
  return { what, floor: floorShare, movieBag: movieBagShare, ratio: '', aim, isMet: movieBag >= atLeast }
}

/** How the rate of each subject changes from few rows to many. The aim compares Movie Bag with itself. */
export function growthRow(what: string, few: Results, many: Results, atLeast: number): Row {
  const movieBag = { floor: few.movieBag, movieBag: many.movieBag }
  const change = (before: number[], after: number[]) => `${perSecond(median(before))} → ${perSecond(median(after))}`
  return {
    what,
    floor: change(few.floor, many.floor),
    movieBag: change(few.movieBag, many.movieBag),
    ratio: ratioWithSpread(movieBag),
    aim: `≥ ${atLeast.toFixed(2)}`,
    isMet: ratioOf(movieBag) >= atLeast,
  }
}

export function markdownTable(rows: Row[]): string {
  const met = (row: Row) => (row.isMet === undefined ? '' : row.isMet ? 'yes' : '**no**')
  const lines = rows.map((row) => [row.what, row.floor, row.movieBag, row.ratio, row.aim, met(row)])
  const head = ['what', 'floor', 'Movie Bag', 'ratio', 'aim', 'met?']
  return [head, ['---', '---:', '---:', '---:', '---:', '---'], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function shown(what: string, results: Results, show: (amount: number) => string) {
  const { floor, movieBag } = results
  return { what, floor: show(median(floor)), movieBag: show(median(movieBag)), ratio: ratioWithSpread(results) }
}

/** The ratio of the medians, and in brackets the lowest and highest ratio of a round. */
function ratioWithSpread(results: Results): string {
  const ratios = results.floor.map((floor, round) => (results.movieBag[round] ?? NaN) / floor)
  return `${ratioOf(results).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`
}

function ratioOf({ floor, movieBag }: Results): number {
  return median(movieBag) / median(floor)
}

function perSecond(rate: number): string {
  return `${round(rate)}/s`
}

function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}

function round(amount: number): string {
  return amount.toLocaleString('en', { maximumFractionDigits: amount < 10 ? 1 : 0 })
}
