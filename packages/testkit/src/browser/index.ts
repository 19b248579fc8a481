/** `@varve/testkit/browser`: a real browser for tests. */

export { chromiumProgram, startSite, type Site, type SiteOptions } from './chromium.ts'
