/** Content hashes, used as keys of stages and identities of documents. */
import { hash } from 'node:crypto'
import { canonicalJson } from './json.ts'

/** SHA-256 of a text or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

/** A short (16 hex digits) hash of any JSON-like value, independent of key order. */
export function hashValue(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, 16)
}
