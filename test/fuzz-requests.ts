import { globSync, readFileSync } from 'node:fs'
import { METHODS } from 'node:http'
import { join } from 'node:path'
import fc, { type Arbitrary } from 'fast-check'
import type { MovieBag } from './movie-bag.ts'

/** A request that no honest client would send, or nearly an honest one. `path` is as sent. */
export type FuzzedRequest = { method: string; path: string; headers: Record<string, string>; body: Buffer | undefined }

/** A route: its path with parameters in braces, and the fields of its body with their JSON types. */
export type Target = { method: string; path: string; fields: [name: string, type: string][]; isForm: boolean }

/** Every route of the OpenAPI document, and every page. */
export async function allTargets(bag: MovieBag): Promise<Target[]> {
  const { body } = await bag.request('GET', '/api/openapi.json')
  const paths: Record<string, Record<string, Operation>> = body.paths
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody }]) => {
      const properties = requestBody?.content['application/json']?.schema.properties ?? {}
      const fields = Object.entries(properties).map(([name, { type = 'string' }]): [string, string] => [name, type])
      return { method: method.toUpperCase(), path, fields, isForm: false }
    }),
  )
  const names = ['token', 'reset_token', 'email', 'password', 'new_password', 'current_password', 'name', 'movies']
  const fields = names.map((name): [string, string] => [name, 'string'])
  const pages = pagePaths().flatMap((path) => [
    { method: 'GET', path, fields: [], isForm: false },
    { method: 'POST', path, fields, isForm: true },
  ])
  // Routes count twice, so that routes and pages, with two methods each, get about as many requests.
  return [...routes, ...routes, ...pages]
}

type Operation = {
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, { type?: string }> } }> }
}

/** The pages are not in the OpenAPI document, but each path is written out in a file. */
function pagePaths(): string[] {
  const files = globSync('*.ts', { cwd: pagesFolder, exclude: ['*.test.ts'] })
  const texts = files.map((file) => readFileSync(join(pagesFolder, file), 'utf8'))
  const found = texts.flatMap((text) => [...text.matchAll(/'(\/[\w./:-]*)'/g)].map(([, path = '']) => path))
  const actions = ['/verify', '/confirm-address', '/undo-address', '/not-me'].map((path) => `${path}/:token`)
  return [...new Set([...found, ...actions])].map((path) => path.replaceAll(/:(\w+)/g, '{$1}'))
}

const pagesFolder = join(import.meta.dirname, '../src/pages')

/** `known` has values that exist in the service: email addresses, passwords, tokens, ids. */
export function fuzzedRequest(targets: Target[], known: { values: string[]; sessions: string[] }) {
  return fc.constantFrom(...targets).chain((target) =>
    fc.record<FuzzedRequest>({
      method: mostly(target.method, fc.constantFrom(...METHODS.filter((method) => method !== 'CONNECT'))),
      path: anyPath(target, known.values),
      headers: anyHeaders(target, known.sessions),
      body: fc.option(anyBody(target, known.values), { nil: undefined, freq: target.method === 'GET' ? 1 : 12 }),
    }),
  )
}

function anyPath({ path }: Target, values: string[]): Arbitrary<string> {
  const short = oddText.map((text) => encode(text.slice(0, 300)))
  const segment = fc.oneof(fc.constantFrom(...values).map(encodeURIComponent), short, oddSegment)
  const name = fc.oneof(fc.constantFrom('after', 'limit', 'q', 'year', '__proto__'), short)
  const query = fc.array(fc.tuple(name, short), { maxLength: 4 })
  const asked = query.map((pairs) => `?${pairs.map((pair) => pair.join('=')).join('&')}`)
  const suffix = mostly('', fc.oneof(asked, fc.constantFrom('/', '?', '?%', '#x', ';a=b', '%2f', '//', '.')))
  const parts = path.split(/\{\w+\}/)
  const filled = fc.array(segment, { minLength: parts.length - 1, maxLength: parts.length - 1 })
  const whole = filled.map((segments) => parts.map((part, index) => part + (segments[index] ?? '')).join(''))
  return fc.tuple(whole, suffix).map((pair) => pair.join(''))
}

function anyHeaders({ isForm }: Target, sessions: string[]): Arbitrary<Record<string, string>> {
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
  const authorization = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...sessions) },
    headerText.map((text) => `Bearer ${text}`),
    headerText,
    fc.constantFrom('', 'Bearer', 'Bearer ..', 'Basic YTpi'),
  )
  const odd = fc.dictionary(fc.constantFrom(...oddHeaders), headerText, { maxKeys: 4 })
  const usual = fc.record({
    'content-type': mostly(type, fc.oneof(fc.constantFrom(...oddTypes), headerText)),
    authorization,
  })
  return fc.tuple(odd, usual).map(([some, others]) => ({ ...some, ...others }))
}

function anyBody({ fields, isForm }: Target, values: string[]): Arbitrary<Buffer> {
  const text = fc.oneof(fc.constantFrom(...values), oddText)
  const ofType = (type: string): Arbitrary<unknown> => {
    if (type === 'array') return fc.array(text, { minLength: 1, maxLength: 3 })
    return type === 'string' ? text : fc.oneof(fc.integer(), fc.integer({ min: 1900, max: 2030 }))
  }
  const any = fc.jsonValue({ maxDepth: 3 })
  const names = fields.map(([name]) => name)
  const pairs = fc.dictionary(fc.constantFrom(...names, '__proto__', 'constructor', 'id'), fc.oneof(text, any))
  // Optional fields appear now and then.
  const whole = fc.record(Object.fromEntries(fields.map(([name, type]) => [name, mostly(ofType(type), any)])), {
    requiredKeys: names.filter((name) => !['year', 'notes'].includes(name)),
  })
  const likely = mostly(whole, pairs)
  const form = likely.map((body) =>
    Object.entries(body)
      .map((pair) => pair.map(asText).map(encode).join('='))
      .join('&'),
  )
  const usual = isForm ? form : likely.map((body) => JSON.stringify(body))
  return fc.oneof(
    { weight: 8, arbitrary: usual.map((content) => Buffer.from(content)) },
    { weight: 1, arbitrary: usual.map((content) => Buffer.from(content).subarray(0, -1)) },
    { weight: 1, arbitrary: fc.json().map((content) => Buffer.from(content)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 30_000 }).map((depth) => Buffer.from('['.repeat(depth))) },
  )
}

/** All of Unicode, with what upsets databases, JSON, mail and HTML, and some long text. */
const oddText: Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(
    '\0',
    '\ud800',
    'a\0b',
    '\r\nBcc: x@example.org',
    '{{ 1 }}',
    '<b>',
    "'; --",
    '\u202e',
    'ﬀ',
    '__proto__',
  ),
  fc.constantFrom('-1', '0', '1e309', '9999999999999999999', 'NaN', '', ' ', 'null', '[]', '{"$ne":1}'),
  fc.emailAddress(),
  fc.integer({ min: 1, max: 12_000 }).map((length) => 'x'.repeat(length)),
)

const oddSegment = fc.constantFrom(
  '%',
  '%zz',
  '%00',
  '%ff',
  '%c3%28',
  '%ed%a0%80',
  '%2e%2e',
  '..',
  '%2f',
  '*',
  ':id',
  '',
)
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
  maxLength: 60,
})
const oddTypes = [
  'text/plain',
  'application/json; charset=utf-16',
  'application/xml',
  'multipart/form-data',
  '',
  'json',
  '*/*',
]
const oddHeaders = [
  'accept',
  'accept-encoding',
  'accept-language',
  'content-encoding',
  'cookie',
  'forwarded',
  'if-modified-since',
  'if-none-match',
  'origin',
  'range',
  'referer',
  'sec-fetch-site',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-http-method-override',
  'x-request-id',
]

function mostly<T>(usual: T | Arbitrary<T>, odd: Arbitrary<T>): Arbitrary<T> {
  const arbitrary = usual instanceof fc.Arbitrary ? usual : fc.constant(usual)
  return fc.oneof({ weight: 6, arbitrary }, { weight: 1, arbitrary: odd })
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
