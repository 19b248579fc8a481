/** Preloaded before a system that is compared with: lets its packages be found in `bench/peers`. */

import { register } from 'node:module'

register('./resolve.js', import.meta.url)
