/** Every size and count limit of Varve in one place, asserted on write and again on read. */

import { VarveError } from './errors.ts'

export const limits = {
  /** Bytes of one entry's body before sealing: the largest document or change. */
  entryBytes: 8 * 1024 * 1024,
  /** Entries in one commit. */
  commitEntries: 10_000,
  /** Bytes of all sealed bodies of one commit. */
  commitBytes: 32 * 1024 * 1024,
  /** Collections that one commit names, and keys: the columns of its header hold one byte per entry. */
  commitTables: 256,
  /** Bytes of a commit header. */
  headerBytes: 2 * 1024 * 1024,
  /** Entries that group commit puts into one shared commit. */
  sharedEntries: 1_000,
  /** Causal dependencies (other feeds) named by one commit. */
  commitDependencies: 1_000,
  /** Devices whose standing one commit of the directory sets. */
  commitStandings: 1_000,
  /** Bytes a feed may grow before its head is signed. */
  unsignedBytes: 512 * 1024,
  /** Commits a feed may grow before its head is signed. */
  unsignedCommits: 64,
  /** Bytes a sync batch aims at; one signed run of commits is never split. */
  batchBytes: 256 * 1024,
  /** Commits of one feed that may share a signature in a sync batch, and receipts a sender puts into one. */
  runCommits: 5_000,
  /** Bytes of such a run; one commit alone may be larger. */
  runBytes: 8 * 1024 * 1024,
  /** Collections of one database: every write stores their counters. */
  databaseCollections: 1_000,
  /** Feeds a replica knows of; beyond, commits that name others unknown are taken without that knowledge. */
  knownFeeds: 65_536,
  /** Commits without a receipt that a new recorder takes up in one write. */
  pendingSlice: 512,
  /** Refused commits that a device issues again before it lets others have their turn. */
  reissueSlice: 16,
  /** Commits in one sync batch. */
  batchCommits: 10_000,
  /** Bytes of one sync batch as received, and CBOR values in it: tiny ones would fill the memory. */
  batchMaximumBytes: 64 * 1024 * 1024,
  batchValues: 1_000_000,
  /** Values in one document or change, counted with everything inside: a small value that repeats itself has no end. */
  documentValues: 1_000_000,
  /** Nesting depth of a document. */
  documentDepth: 64,
  /** UTF-8 bytes of a document id. */
  idBytes: 256,
  /** UTF-8 bytes of the name of a tenant, user, database, collection, key or index. */
  nameBytes: 128,
  /** UTF-8 bytes of one attribute name. */
  attributeBytes: 1024,
  /** UTF-8 bytes of an actor or a reason. */
  wordBytes: 1024,
  /** Operations of one entry. */
  entryOperations: 100_000,
  /** Paths that one collection seals, and those of sealed values that a replica remembers of it. */
  sealedPaths: 64,
  /** Nodes of one filter, and the depth of its nesting. */
  filterNodes: 10_000,
  filterDepth: 32,
  /** Sources of one view, and its categories, sorted columns and columns, each. */
  viewSources: 64,
  viewColumns: 64,
  /** Rows of one document in a view, categories from the top to it, and characters of a row's key. */
  viewFanOut: 1_000,
  viewDepth: 64,
  viewKeyCharacters: 32 * 1024 * 1024,
  /** Parts of all expressions of a view, the depth of one, and characters of the text it puts together. */
  expressionParts: 1_000,
  expressionDepth: 32,
  expressionCharacters: 64 * 1024,
  /** Rows of a spreadsheet. */
  spreadsheetRows: 1_048_576,
  /** Bytes of a part of a saved view. */
  savedViewBytes: 256 * 1024 * 1024,
  /** Bytes of memory, about, for collections of the past that one database keeps for further questions. */
  pastBytes: 64 * 1024 * 1024,
  /** Bytes of an index key, for each path; longer values are truncated and re-checked. */
  indexKeyBytes: 256,
  /** Paths of one index, and indexes of one collection. */
  indexPaths: 8,
  collectionIndexes: 64,
  /** Unique indexes of one collection, and of one database, up to which those that its members declare are made. */
  collectionDeclared: 16,
  declaredIndexes: 256,
  /** Groups of one `group`, and characters of the values they are made by and hold. */
  groups: 100_000,
  groupCharacters: 64 * 1024 * 1024,
  /** Fields of one search index, and the highest weight of one. */
  searchFields: 16,
  searchWeight: 1_000,
  /** Characters of an indexed word: longer ones are the same when they begin the same. */
  searchTokenCharacters: 64,
  /** Characters of a text to search for, its words and phrases, and all their tokens. */
  searchCharacters: 4_096,
  searchPhrases: 64,
  searchTokens: 256,
  /** Highlights of one hit, and characters of the text around them. */
  searchHighlights: 16,
  searchExcerptCharacters: 240,
  /** Counter rules of one database, paths, collections or conditions that one names in a list, and its characters as JSON. */
  counterRules: 100,
  counterPaths: 16,
  counterRuleCharacters: 64 * 1024,
  /** Parts of time of one kind that a counter rule keeps, and numbers kept for an exact median. */
  counterBuckets: 10_000,
  counterMedian: 10_000,
  /** Values at one path of one version that counter rules look at. */
  counterValues: 10_000,
  /** Milliseconds between keep-alives of a connection, after which silence is noticed. */
  keepAliveMs: 30_000,
  /** Milliseconds before a lost connection is tried again: at first, and at most. */
  reconnectMs: 250,
  reconnectMaximumMs: 30_000,
  /** Bytes of one appointment of a recorder. */
  appointmentBytes: 4 * 1024 * 1024,
  /** Peers of which appointments are kept that the directory does not confirm yet. */
  unconfirmedPeers: 16,
  /** Characters and signature lines of a signed checkpoint: sixteen witnesses with post-quantum keys fit. */
  noteCharacters: 128 * 1024,
  noteSignatures: 17,
  /** Characters of a proof with its checkpoint, and the hashes of a path through any tree. */
  proofCharacters: 1024 * 1024,
  proofHashes: 64,
  /** Bytes of a sync frame before both sides are authenticated, and afterwards. */
  handshakeFrameBytes: 8 * 1024,
  frameBytes: 64 * 1024 * 1024 + 1024,
  /** Bytes of units that a side takes before it has taken over earlier ones. */
  syncWindowBytes: 512 * 1024,
  /** Bytes of the smallest sync batch: it holds at least a signature. */
  unitMinimumBytes: 64,
  /** Channels of one connection. */
  syncChannels: 10_000,
  /** Feeds in one position, and in those of all channels that a peer opens. */
  positionFeeds: 100_000,
  /** Collections that a channel names as urgent. */
  urgentCollections: 256,
  /** Appointments of recorders in one frame. */
  appointments: 1_000,
  /** Bytes of a sealed presence, and how many a second of one connection are passed on. */
  presenceBytes: 4 * 1024,
  presencePerSecond: 20,
  /** Problems that one connection has logged in a second. */
  problemsPerSecond: 20,
  /** Bytes of frames waiting in a transport above which its `send` waits for room. */
  transportBytes: 1024 * 1024,
  /** Bytes of frames that a transport hands over at once, unless one frame is longer. */
  transportBatchBytes: 256 * 1024,
  /** Bytes of frames a transport holds for a caller that does not wait, or until somebody listens. */
  transportHeldBytes: 128 * 1024 * 1024,
  /** Milliseconds for opening a connection, and from there to its first frame. */
  connectMs: 10_000,
  helloMs: 10_000,
  /** Milliseconds from the first frame until the peer has proven its key. */
  handshakeMs: 10_000,
  /** Milliseconds a closing connection has for what was accepted before. */
  closeMs: 5_000,
  /** Milliseconds a full transport waits for its reader, and bytes a second it allows for on top. */
  slowReaderMs: 30_000,
  slowReaderBytes: 8 * 1024,
  /** HTTP streams open at once on one server. */
  streams: 1_000,
  /** Milliseconds between keep-alive bytes of an HTTP stream, and without a request until it is closed. */
  streamKeepAliveMs: 20_000,
  streamIdleMs: 120_000,
  /** Milliseconds a commit may be ahead of the recorder's clock, or of what is recorded if that is later. */
  clockDriftMs: 60_000,
  /** Milliseconds a peer may take to say its time, and those by which it may set a clock ahead: ten years. */
  clockAnswerMs: 20_000,
  clockCorrectionMs: 315_576_000_000,
  /** Bytes of bodies that a segment aims at, and the largest aim that may be configured. */
  segmentBytes: 4 * 1024 * 1024,
  segmentAimBytes: 64 * 1024 * 1024,
  /** Bytes of the object, of its index, and the blocks and commits in it. */
  segmentObjectBytes: 101 * 1024 * 1024,
  segmentIndexBytes: 4 * 1024 * 1024,
  segmentBlocks: 2_048,
  segmentCommits: 65_536,
  /** Bytes of content at which a block ends, and at most. */
  segmentBlockAim: 128 * 1024,
  segmentBlockBytes: 256 * 1024,
  /** Bytes between two blocks that are read along with them, of one request, and of what is read ahead. */
  segmentGapBytes: 64 * 1024,
  segmentRequestBytes: 4 * 1024 * 1024,
  segmentAheadBytes: 1024 * 1024,
  /** Bytes of indexes and blocks kept in memory by all stores of one provider. */
  segmentCacheBytes: 32 * 1024 * 1024,
  /** Milliseconds before a failed sinking is tried again: at first, at most, and once it is a dead letter. */
  sinkRetryMs: 1_000,
  sinkRetryMaximumMs: 600_000,
  sinkDeadMs: 3_600_000,
  /** Failures in a row that make a dead letter. */
  sinkAttempts: 8,
  /** Milliseconds between two looks at what is to sink, and two lists of what is in object storage. */
  sinkEveryMs: 60_000,
  sinkListMs: 86_400_000,
  /** Milliseconds since an object of nobody was put, after which it is removed. */
  sinkOrphanMs: 86_400_000,
  /** Recorded versions of one document between two snapshots. */
  snapshotEvery: 32,
  /** Bytes of the registration of a tenant. */
  registrationBytes: 1024,
  /** Bytes of a sealed join request as it passes a server, and of the response to it. */
  invitationRequestBytes: 8 * 1024,
  invitationResponseBytes: 1024 * 1024 + 64,
  /** Milliseconds within which a node answers a request, beside what it was asked to wait. */
  requestMs: 30_000,
  /** Milliseconds that one request may ask a node to wait for something to happen. */
  longPollMs: 25_000,
  /** Bytes of a node's answer to a request, and characters taken over of what it says went wrong. */
  answerBytes: 16 * 1024 * 1024,
  answerMessageCharacters: 1_000,
  /** Bytes of a chunk of an attachment, the most and by default, and chunks of one file. */
  chunkBytes: 1024 * 1024,
  fileChunks: 200_000,
  /** Bytes of a stored chunk: with nonce and tag. */
  chunkObjectBytes: 1024 * 1024 + 40,
  /** UTF-8 bytes of the name of a file. */
  fileNameBytes: 1024,
  /** Chunks of one file that are on their way at once, and ids that a node is asked about at once. */
  chunksAtOnce: 4,
  chunksAsked: 1_000,
  /** Bytes of chunks fetched from a node that a device keeps, unless it is opened with another number. */
  chunkCacheBytes: 256 * 1024 * 1024,
  /** Milliseconds that an object which nobody names is kept at least, and unless another time is given. */
  garbageMinimumMs: 86_400_000,
  garbageMs: 604_800_000,
  /** The same at a node unless another time is given, and how long a collection there may take. */
  garbageNodeMs: 2_592_000_000,
  disposalMs: 43_200_000,
  /** Bytes of objects that one database keeps while object storage fails. */
  keptBlobsBytes: 64 * 1024 * 1024,
  /** Bytes of a property that is given as base64, and milliseconds that a write waits for object storage to take it. */
  base64Bytes: 16 * 1024 * 1024,
  blobPatienceMs: 2_000,
  /** Writes that one process of a hub has under way in one placement; more wait for their turn. */
  operationSlots: 1_024,
  /** Milliseconds for which the last write of a process of a hub is known, to answer it again. */
  operationMs: 3_600_000,
  /** Bytes of an age file given to import or join. */
  ageFileBytes: 1024 * 1024,
  /** Bytes of one object in object storage, and characters of its key and of a piece of it between slashes. */
  blobBytes: 128 * 1024 * 1024,
  blobKeyCharacters: 900,
  blobPieceCharacters: 200,
  /** Objects of one page of a list, and the longest life of a link in seconds: seven days, as S3 has it. */
  blobListItems: 1_000,
  blobLinkSeconds: 604_800,
  /** Bytes of one change of a text, and its parts: structs, values and ranges. */
  textUpdateBytes: 4 * 1024 * 1024,
  textUpdateParts: 50_000,
  /** Nesting of a value inside a rich text. */
  textValueDepth: 16,
  /** Characters (UTF-16 code units) of a text, and of one that an application writes: two devices may do so at once. */
  textCharacters: 4 * 1024 * 1024,
  textWrittenCharacters: 1024 * 1024,
  /** Bytes of changes of one text that wait for others they build on. */
  textWaitingBytes: 4 * 1024 * 1024,
  /** Texts that a document remembers, ended ones included. */
  documentTexts: 64,
  /** Changes of a text that its head keeps unmerged, and their characters as base64url while the rest is shorter. */
  textTail: 64,
  textTailCharacters: 4 * 1024,
  /** Documents of Yjs kept for the next change, and characters of the texts and states they stand for. */
  textDocs: 64,
  textDocsCharacters: 32 * 1024 * 1024,
  /** Milliseconds without typing after which edits of a text are written, and the longest they wait; with company and alone. */
  textIdleMs: 20,
  textLongestMs: 100,
  textAloneIdleMs: 400,
  textAloneLongestMs: 2_000,
  /** People in one text whose names and cursors are shown, and milliseconds between two tellings of one's own. */
  textCompany: 256,
  textCompanyMs: 100,
  /** Edits of a text after which they are written at once. */
  textEdits: 5_000,
  /** Bytes above which an object goes to a remote storage in parts, and of one part; parts of one object at once. */
  blobPartBytes: 16 * 1024 * 1024,
  blobPartsAtOnce: 4,
  /** Requests at once to one remote storage: more wait for their turn. */
  blobRequests: 32,
  /** Milliseconds that a request to a remote storage may take, and bytes a second it is allowed for on top. */
  blobRequestMs: 30_000,
  blobSlowBytes: 64 * 1024,
  /** Bytes of an answer of a remote storage that is no object. */
  blobAnswerBytes: 8 * 1024 * 1024,
  /** Milliseconds before a failed call to object storage is repeated: at first, and at most. */
  blobRetryMs: 100,
  blobRetryMaximumMs: 10_000,
} as const

/** Throws `TOO_LARGE` naming the place when `actual` is above `limit`. */
export function assertLimit(actual: number, limit: number, what: string): void {
  if (actual > limit) {
    throw new VarveError('TOO_LARGE', `${what} is ${actual}, the limit is ${limit}: make it smaller or split it`, {
      details: { what, actual, limit },
    })
  }
}
