import assert from 'node:assert/strict'
import { type FieldError, reasons } from '../src/errors.ts'
import type { Answer } from './movie-bag.ts'

/** The contract's table of errors, written out again so that the service is not compared with itself. */
export const contract = {
  InternalServerError: [500, 'Something went wrong'],
  SchemaValidationError: [400, 'Request is missing required fields'],
  MovieAlreadyExistsError: [400, 'Movie with given name already exists'],
  UpdatingMovieError: [403, 'Updating movie added by other is forbidden'],
  DeletingMovieError: [403, 'Deleting movie added by other is forbidden'],
  MovieNotExistsError: [400, "Movie with given id doesn't exists"],
  EmailAlreadyExistsError: [400, 'User with given email address already exists'],
  UnauthorizedError: [401, 'Invalid username or password'],
  EmailDoesnotExistsError: [400, "Couldn't find the user with given email address"],
  BadTokenError: [403, 'Invalid token'],
  ExpiredTokenError: [403, 'Token has expired'],
  InvalidSessionError: [401, 'Missing, invalid or expired access token'],
  TooManyMoviesError: [403, undefined],
  SignUpClosedError: [403, undefined],
  NotFoundError: [404, undefined],
  MethodNotAllowedError: [405, undefined],
  PayloadTooLargeError: [413, undefined],
  UnsupportedMediaTypeError: [415, undefined],
  TooManyRequestsError: [429, undefined],
  ServiceUnavailableError: [503, undefined],
} as const

export type Code = keyof typeof contract

/** The header that an error of that code must have. */
const requiredHeaders: { [code in Code]?: string } = {
  InvalidSessionError: 'www-authenticate',
  MethodNotAllowedError: 'allow',
  TooManyRequestsError: 'retry-after',
  ServiceUnavailableError: 'retry-after',
}

/** Asserts that a response is this error, with every member that the contract names, for these wrong fields if given. */
export function assertError(answer: Pick<Answer, 'status' | 'headers' | 'text'>, code: Code, fields?: string[]): void {
  const { status, headers, text } = answer
  const [expected, message] = contract[code]
  assert.equal(status, expected, text)
  assert.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8')
  const body = JSON.parse(text)
  assert.equal(body.code, code, text)
  assert.equal(body.status, status, text)
  assert.equal(body.message, message ?? body.message, text)
  assert.match(body.message, /^[A-Z].+/)
  assert.equal(body.title, body.message)
  assert.equal(body.type, `urn:movie-bag:error:${code}`)
  assert.doesNotMatch(text, /node_modules|\.ts:\d|\bat .+:\d+:\d+|select |insert /, 'the response shows internals')
  const header = requiredHeaders[code]
  if (header) assert(headers.get(header), `${code} has no ${header}`)
  if (fields) assertFields(body, fields)
}

function assertFields({ errors }: { errors?: FieldError[] }, fields: string[]): void {
  assert.deepEqual(errors?.map(({ field }) => field).sort(), fields.toSorted())
  for (const { field, detail, reason } of errors ?? []) {
    assert.match(detail, /^[a-z].+[^.]$/, `${field} has no detail`)
    assert(reasons.includes(reason), `${field} has the unknown reason ${reason}`)
  }
}
