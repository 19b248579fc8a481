/** The tenants of a node without its HTTP side: for simulators and for programs with a server of their own. */

export { Door, type DoorOptions } from './door.ts'
export { NodeTenants, type NodeTenantsOptions } from './node-tenants.ts'
export { Mirror, type MirrorPlan } from './mirror.ts'
export { TenantNode, type TenantNodeParts } from './tenant-node.ts'
export { Visit } from './visit.ts'
