import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { errorCodes } from '../src/errors.ts'
import { document, rowsUnder } from './documents.ts'
import { startMovieBag } from './movie-bag.ts'

const bag = await startMovieBag()
after(() => bag.stop())

const api = document('docs/api.md')

test('the documented errors are the real ones', () => {
  const real = Object.entries(errorCodes).map(([code, { status, message }]) => [code, String(status), message])
  assert.deepEqual(rowsUnder(api, 'Errors'), real)
})

test('every route of the API is documented', async () => {
  const told = rowsUnder(api, 'Routes').map(([route]) => route)
  assert.deepEqual(told.toSorted(), (await routes()).map(({ route }) => route).toSorted())
})

test('every error of each route is documented', async () => {
  const everywhere =
    /^(InternalServer|ServiceUnavailable|SchemaValidation|PayloadTooLarge|UnsupportedMediaType|InvalidSession|TooManyRequests)Error$/
  const told = rowsUnder(api, 'Errors by route')
  const pairs = told.flatMap(([code, list = '']) => list.split(', ').map((route) => `${code}: ${route}`))
  const real = (await routes()).flatMap(({ route, codes }) => codes.map((code) => ({ code, route })))
  const single = real.filter(({ code }) => !everywhere.test(code)).map(({ code, route }) => `${code}: ${route}`)
  assert.deepEqual(pairs.toSorted(), single.toSorted())
})

/** The routes in the OpenAPI document, each with the errors that it may give. */
async function routes() {
  const { body } = await bag.request('GET', '/api/openapi.json')
  const paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>> = body.paths
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => {
      const descriptions = Object.values(responses).map(({ description }) => description)
      const codes = [...descriptions.join('; ').matchAll(/(\w+Error): /g)].map(([, code = '']) => code)
      return { route: `${method.toUpperCase()} ${path}`, codes }
    }),
  )
}
