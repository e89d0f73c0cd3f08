import type { MessageKey } from './i18n/translate.ts'

/**
 * Every error that a client can get: its HTTP status, and its message. Clients compare the messages, so they stay word for
 * word as they were published, mistakes included.
 */
export const errorCodes = {
  InternalServerError: { status: 500, message: 'Something went wrong' },
  SchemaValidationError: { status: 400, message: 'Request is missing required fields' },
  MovieAlreadyExistsError: { status: 400, message: 'Movie with given name already exists' },
  UpdatingMovieError: { status: 403, message: 'Updating movie added by other is forbidden' },
  DeletingMovieError: { status: 403, message: 'Deleting movie added by other is forbidden' },
  TooManyMoviesError: { status: 403, message: 'This account may add no more movies' },
  MovieNotExistsError: { status: 400, message: "Movie with given id doesn't exists" },
  SignUpClosedError: { status: 403, message: 'Sign-up is closed' },
  EmailAlreadyExistsError: { status: 400, message: 'User with given email address already exists' },
  UnauthorizedError: { status: 401, message: 'Invalid username or password' },
  EmailDoesnotExistsError: { status: 400, message: "Couldn't find the user with given email address" },
  BadTokenError: { status: 403, message: 'Invalid token' },
  ExpiredTokenError: { status: 403, message: 'Token has expired' },
  InvalidSessionError: { status: 401, message: 'Missing, invalid or expired access token' },
  UnverifiedEmailError: { status: 403, message: 'Confirm your e-mail address first' },
  NotFoundError: { status: 404, message: 'Nothing is at this address' },
  MethodNotAllowedError: { status: 405, message: 'This address does not take that method' },
  PayloadTooLargeError: { status: 413, message: 'Request body is too large' },
  UnsupportedMediaTypeError: { status: 415, message: 'Request body has an unsupported content type' },
  TooManyRequestsError: { status: 429, message: 'Too many requests' },
  ServiceUnavailableError: { status: 503, message: 'Service is unavailable for the moment' },
} as const

export type ErrorCode = keyof typeof errorCodes

/** Why a field is invalid, as a word that never changes. Each has a message, `page.reason.<reason>`. */
export const reasons = [
  'missing',
  'unknown',
  'wrong-type',
  'not-storable',
  'too-short',
  'too-long',
  'too-few',
  'too-many',
  'too-many-words',
  'too-small',
  'too-large',
  'not-among',
  'not-an-address',
  'not-an-account',
  'not-a-page',
  'needs-words',
  'too-common',
  'breached',
  'is-the-address',
  'is-the-service',
  'invalid',
] as const

export type Reason = (typeof reasons)[number]

/** An invalid field of a request: `detail` says in English what would be valid; `min` or `max` is the bound. */
export type FieldError = { field: string; detail: string; reason: Reason; min?: number; max?: number }

/**
 * An error that the caller caused, or that the caller can retry. `detail` explains it in English; a page shows the message
 * `messageKey` instead.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly detail: string | undefined
  readonly fields: FieldError[] | undefined
  readonly messageKey: MessageKey | undefined
  readonly headers: Record<string, string>

  constructor(
    code: ErrorCode,
    detail?: string,
    more: { fields?: FieldError[]; messageKey?: MessageKey; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail ?? errorCodes[code].message, { cause: more.cause })
    this.code = code
    this.status = errorCodes[code].status
    this.detail = detail
    this.fields = more.fields
    this.messageKey = more.messageKey
    this.headers = more.headers ?? {}
  }
}

/** Returns the error for one invalid field. */
export function wrongField(wrong: FieldError): AppError {
  return new AppError('SchemaValidationError', `${wrong.field} ${wrong.detail}.`, { fields: [wrong] })
}

/** Why the service cannot start, and what to do, in one line. It is printed without a stack. */
export class StartError extends Error {}

/** Returns the code of an error of Node or PostgreSQL, such as `ENOENT` or `57P03`, or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
