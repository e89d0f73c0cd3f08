import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'
import { errorCodes } from '../errors.ts'
import { errorSchema } from './schemas.ts'
import { pagePolicy } from './security-headers.ts'

const description = `Accounts, movies, and the way back into an account by e-mail.

Every error is JSON with \`message\` and \`status\`, the members of RFC 9457, and a \`code\` from this list:

| code | status | message |
|---|---|---|
${Object.entries(errorCodes)
  .map(([code, { status, message }]) => `| ${code} | ${status} | ${message} |`)
  .join('\n')}

Before any route, headers or an address beyond 16 kB are answered 431 and a request that comes too slowly 408, with the
code SchemaValidationError.`

/** The OpenAPI document, made from the schemas that validate, and a reference page with assets of its own. */
export async function useOpenApi(
  app: FastifyInstance,
  { publicUrl, version }: Pick<Config, 'publicUrl'> & { version: string },
) {
  app.addSchema(errorSchema)
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
      onRequest: (_request, reply, done) => {
        reply.header('content-security-policy', pagePolicy)
        done()
      },
    },
  })
}
