import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'
import { AppError, errorCodes } from '../errors.ts'
import { pagePolicy } from './security-headers.ts'

const description = `A movie collection with accounts, and account recovery by email.

Every error is JSON with \`message\`, \`status\`, the members of RFC 9457, and one of these codes:

| code | status | message |
|---|---|---|
${Object.entries(errorCodes)
  .map(([code, { status, message }]) => `| ${code} | ${status} | ${message} |`)
  .join('\n')}

Headers or a URL over 16 kB get status 431, and a request that arrives too slowly 408, both with the code
SchemaValidationError.`

/** Serves the OpenAPI document, made from the schemas that validate requests, and its reference page at `/docs`. */
export async function useOpenApi(
  app: FastifyInstance,
  { publicUrl, version }: Pick<Config, 'publicUrl'> & { version: string },
) {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Movie Bag', version, description, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: publicUrl }],
      tags: [{ name: 'Accounts' }, { name: 'Recovery' }, { name: 'Movies' }, { name: 'Health' }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => String(schema['$id'] ?? `schema-${index}`),
    },
  })
  app.get('/api/openapi.json', { schema: { hide: true } }, () => app.swagger())
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Movie Bag API' },
    uiConfig: { url: '/api/openapi.json', validatorUrl: null, persistAuthorization: false },
    uiHooks: {
      onRequest: (request, reply, done) => {
        reply.header('content-security-policy', pagePolicy)
        // Copies of the document, which the plugin adds.
        const isCopy = ['/docs/json', '/docs/yaml'].includes(request.routeOptions.url ?? '')
        done(isCopy ? new AppError('NotFoundError') : undefined)
      },
    },
  })
}
