import { createHmac } from 'node:crypto'
import { Client } from 'pg'
import type { Cluster } from './cluster.ts'

/** The role of the service: it owns its database and may do nothing else (ASVS 5.0 13.2.2). */
const serviceRole = 'movie_bag_service'

const database = 'movie_bag'

/**
 * Creates the service's role and its database unless they exist, and returns what to connect with. `admin` is a superuser's
 * connection.
 */
export async function prepareServiceDatabase(admin: Client, { password }: Pick<Cluster, 'password'>) {
  const servicePassword = createHmac('sha256', password).update(serviceRole).digest('base64url')
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [serviceRole])
  if (rowCount === 0) await admin.query(`create role ${serviceRole}`)
  await admin.query(`alter role ${serviceRole} login password ${admin.escapeLiteral(servicePassword)}`)

  const { rows } = await admin.query<{ owner: string }>(
    'select datdba::regrole::text as owner from pg_database where datname = $1',
    [database],
  )
  if (!rows[0]) await admin.query(`create database ${database} owner ${serviceRole}`)
  else if (rows[0].owner !== serviceRole) await transferOwnership(admin)
  return { user: serviceRole, password: servicePassword, database }
}

/** Until 0.2.0 the superuser owned everything. */
async function transferOwnership({ host, port, user, password }: Client) {
  const client = new Client({ host, port, user: user ?? '', password: password ?? '', database, ssl: false })
  await client.connect()
  try {
    await client.query(`do $$
      declare object text;
      begin
        for object in
          select format('table %s', c.oid::regclass) from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not ${isOfExtension('c')}
          union all
          select format('function %s', f.oid::regprocedure) from pg_proc f
          where f.pronamespace = 'public'::regnamespace and not ${isOfExtension('f')}
        loop
          execute format('alter %s owner to ${serviceRole}', object);
        end loop;
        alter database ${database} owner to ${serviceRole};
      end $$`)
  } finally {
    await client.end()
  }
}

function isOfExtension(alias: string) {
  return `exists (select from pg_depend d where d.objid = ${alias}.oid and d.deptype = 'e')`
}
