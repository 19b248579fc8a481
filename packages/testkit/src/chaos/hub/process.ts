/** Entry of the processes of a hub. */

import { answering } from '../answering.ts'
import { startHubProcess } from './hub-process.ts'

answering(startHubProcess())
