/** The version of this package, for records. A test holds it against package.json. */
export const version = '0.1.0'
