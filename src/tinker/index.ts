/** The Tinker protocol, for sampling and for training. */
export { requireBaseModel, TinkerModel, type Reduction, type TinkerAdam, type TinkerModelOptions } from './client.ts'
export { isLost, TinkerConnection, type TinkerConnectionOptions, type TinkerFetch } from './connection.ts'
export { TinkerLanguageModel, type ChatTokenizer, type TinkerLanguageModelOptions } from './language-model.ts'
export { samplerName } from './wire.ts'
