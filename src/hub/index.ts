/** Files of the Hugging Face Hub and of plain addresses. */
export { isHubAddress, parseHubAddress, type HubAddress } from './address.ts'
export { cacheDirOf, type HubEnvironment } from './cache.ts'
export { download } from './download.ts'
export { HttpClient, type Address, type HttpDeps } from './http.ts'
export { Hub, type HubFile, type Repo } from './hub.ts'
export { fetchModel, lookUpModel, readHubConfig, type ModelListing } from './model.ts'
