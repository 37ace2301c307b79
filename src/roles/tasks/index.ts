/**
 * The tasks that come with the package. One file for each: `healthcare-qa`, `creative-writing`, `math` and `knowledge` get theirs
 * beside `general` and a line here. The laboratory brings its own profile, which the command line adds.
 */
import type { TaskProfile } from '../profile.ts'
import { generalTask } from './general.ts'

export const builtinTasks: ReadonlyMap<string, TaskProfile> = new Map([[generalTask.name, generalTask]])
