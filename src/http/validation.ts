import { Ajv } from 'ajv'
import type { FastifyInstance } from 'fastify'

/**
 * Bodies are taken as they are: nothing is converted, filled in or stripped. Queries, paths and headers are text by
 * nature, so there a schema's number is read from its digits.
 */
export function useStrictValidation(app: FastifyInstance): void {
  const options = { allErrors: true, removeAdditional: false, strictTypes: false } as const
  const bodies = new Ajv({ ...options, coerceTypes: false })
  // Read from digits, Infinity counts as a number; a strict Ajv would then hold it against no minimum or maximum.
  const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true, strictNumbers: false })
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? bodies : texts).compile(schema))
}
