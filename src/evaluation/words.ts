/** How long a text is. Pure. */

/** Words between white space. */
export function wordCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length
}
