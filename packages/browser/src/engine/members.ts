/** Which members pages may reach, by what they belong to: nothing else of the engine is theirs to call. */

const engine = ['createTenant', 'openTenant', 'createJoinRequest', 'joinTenant', 'joinByInvitation']
const tenant = [
  'database databases connect keys directory attachments layers changePassphrase status lastWrites node audit',
  'publish invite invitations endInvitation answerInvitations close',
]
const database = [
  'collection collections transact changes commits cursor asOf verify prune stats refused dismissRefused',
  'counters define check rules totals recount',
]
const collection = [
  'create createMany upsert update patch enrich delete restore restoreAll createWithEntities getWithEntities',
  'get getVersion getAsOf history diff conflicts duplicates declared receipt find attach attachment',
]
const query = ['sort limit after select includeDeleted search toArray first count group page hits explain watch']
const attachment = ['bytes stream url']
const keys = ['names has rotate export import remove']
const directory = ['approve users setRoles revoke recoveryKit']
const connection = ['on follow settled delivered disconnect reconnect']

/** Every member that a path may name; `describe` is said of any of them. */
export const members: ReadonlySet<string> = new Set(
  [engine, tenant, database, collection, query, attachment, keys, directory, connection, ['describe']]
    .flat()
    .flatMap((names) => names.split(' ')),
)
