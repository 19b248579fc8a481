/** The configuration of the smallest Ceph cluster that has an S3 gateway: one monitor, one store, no redundancy. */

export interface CephConfig {
  readonly dir: string
  readonly fsid: string
  readonly monitorPort: number
  readonly port: number
  /** Debian keeps Ceph's plugins here when they are not in the default place; null otherwise. */
  readonly plugins: string | null
  readonly classes: string | null
}

export function cephConf({ dir, fsid, monitorPort, port, plugins, classes }: CephConfig): string {
  return `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${monitorPort}]
mon initial members = a
auth_allow_insecure_global_id_reclaim = false
paxos propose interval = 0.05
paxos min wait = 0.01
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 2000
mon data avail crit = 1
osd crush chooseleaf type = 0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
run dir = ${dir}
admin socket = ${dir}/$name.asok
pid file = ${dir}/$name.pid
log file = ${dir}/$name.log
keyring = ${dir}/keyring
crash dir = ${dir}/crash
osd objectstore = bluestore
bluestore block size = 10737418240
bluestore block create = true
osd memory target = 939524096
${classes === null ? '' : `osd class dir = ${classes}`}
${
  plugins === null
    ? ''
    : `plugin dir = ${plugins}
erasure code dir = ${plugins}/erasure-code
compressor dir = ${plugins}/compressor`
}
[mon.a]
mon data = ${dir}/mon.a
[osd.0]
osd data = ${dir}/osd.0
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw data = ${dir}/rgw
rgw enable usage log = false
rgw gc max objs = 16
rgw lc max objs = 8
rgw dns name = localhost
`
}
