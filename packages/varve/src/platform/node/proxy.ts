/** The proxies of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in capitals or not. */

import type { Agent } from 'node:http'

const agents = new Map<string, Agent>()

/** What gives the agent that goes through the proxy of a URL; undefined where there is none. */
export async function proxyAgent(): Promise<(url: string) => Agent | undefined> {
  const [{ getProxyForUrl }, { HttpsProxyAgent }] = await Promise.all([
    import('proxy-from-env'),
    import('https-proxy-agent'),
  ])
  return (url) => {
    // Proxies are named for http and https; a WebSocket begins as a request of these.
    const proxy = getProxyForUrl(url.replace(/^ws/, 'http'))
    if (proxy === '') return undefined
    const agent = agents.get(proxy) ?? new HttpsProxyAgent(proxy, { keepAlive: true })
    agents.set(proxy, agent)
    return agent
  }
}
