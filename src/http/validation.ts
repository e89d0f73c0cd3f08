import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifyInstance } from 'fastify'
import type { FastifyValidationResult } from 'fastify/types/schema.js'

/**
 * Bodies are taken as they are: nothing is converted, filled in or stripped. Queries, paths and headers are text by
 * nature, so there a schema's number is read from its digits.
 */
export function useStrictValidation(app: FastifyInstance): void {
  const options = { allErrors: true, removeAdditional: false, strictTypes: false } as const
  const bodies = new Ajv({ ...options, coerceTypes: false })
  // Read from digits, Infinity counts as a number; a strict Ajv would then hold it against no minimum or maximum.
  const texts = new Ajv({ ...options, coerceTypes: true, useDefaults: true, strictNumbers: false })
  app.setValidatorCompiler(({ schema, httpPart }) =>
    atFirstUse(() => (httpPart === 'body' ? bodies : texts).compile(schema)),
  )
}

/** To compile all at the start would take a third of it, and most runs need few of them. */
function atFirstUse(compile: () => ValidateFunction): FastifyValidationResult {
  let compiled: ValidateFunction | undefined
  // As Fastify calls it: what was wrong is told beside the function.
  const validate: FastifyValidationResult = (value) => {
    compiled ??= compile()
    const isValid = compiled(value)
    validate.errors = compiled.errors ?? null
    return isValid
  }
  return validate
}
