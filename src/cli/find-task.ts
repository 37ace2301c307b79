/** The task that a configuration names: a built-in one, the laboratory's, or a task file. */
import { ConfigError } from '../core/errors.ts'
import { findLabTask, LAB_TASK_NAMES } from '../lab/index.ts'
import { builtinTasks, taskFileSchema, taskFromFile, type TaskProfile } from '../roles/index.ts'
import { isTaskPath } from './config.ts'
import { loadConfigFile } from './config-file.ts'
import { suggestion } from './nearest.ts'

/** @throws {ConfigError} */
export async function findTask(task: string): Promise<TaskProfile> {
  if (isTaskPath(task)) return taskFromFile(await loadConfigFile(taskFileSchema, task), task)
  const found = findLabTask(task) ?? builtinTasks.get(task)
  if (found !== undefined) return found
  const known = [...builtinTasks.names, ...LAB_TASK_NAMES]
  throw new ConfigError(
    `task: there is no task "${task}"${suggestion(task, known)}; known: ${known.join(', ')}; a file of your own is named ./my-task.yaml`,
  )
}
