import { Notification, showErrorMessage } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Shape } from '@aglais/protocol';
import { canResizeInPlace } from '@aglais/protocol/can-resize-in-place';
import { ProblemError } from '../backend/rest';
import { clusterOf, isLive } from '../backend/selectors';
import type { CurrentNotebook } from '../notebook/current-notebook';
import type { IBackend } from '../tokens';
import type { Trans } from '../translation';
import { confirmRestart, confirmStop } from './dialogs';
import { allowedActions, mergeShape, shapeChanges } from './messages';

export const CommandIDs = {
  openPanel: 'aglais:open-panel',
  start: 'aglais:start',
  stop: 'aglais:stop',
  restart: 'aglais:restart',
  resize: 'aglais:resize'
} as const;

const PLACE = {
  notebook: { type: 'string', description: 'Path of the notebook. Default: the current one' },
  kernel: { type: 'string', description: 'Id of its kernel' }
} as const;

const SHAPE = {
  shape: { type: 'object', description: 'The changes to the size of the cluster' }
} as const;

const OPTIONS = {
  options: {
    type: 'array',
    items: { type: 'string' },
    description: 'Names of options that the server offers. Default: those of the last cluster'
  }
} as const;

interface Target {
  place: { path: string; kernel: string };
  change: Partial<Shape>;
  options: readonly string[] | undefined;
}

/** Adds the commands that start, stop, restart and resize the cluster of a notebook. */
export function addClusterCommands(
  commands: CommandRegistry,
  backend: IBackend,
  current: CurrentNotebook,
  trans: Trans
): void {
  const target = (args: ReadonlyPartialJSONObject): Target | null => {
    const { kernel, notebook, shape, options } = args as {
      kernel?: string;
      notebook?: string;
      shape?: Partial<Shape>;
      options?: readonly string[];
    };
    const place = kernel !== undefined ? { kernel, path: notebook ?? '' } : current.place;
    if (!place?.kernel) return null;
    return { place: { path: place.path, kernel: place.kernel }, change: shape ?? {}, options };
  };

  const can = (what: 'start' | 'stop' | 'restart') => (args: ReadonlyPartialJSONObject) => {
    const found = target(args);
    if (!found || backend.connection !== 'connected') return false;
    return allowedActions(clusterOf(backend.state, found.place.kernel))[what];
  };

  const start = async ({ place, change, options }: Target): Promise<void> => {
    // Keep the size that the notebook had before: the user may have chosen it.
    const before = clusterOf(backend.state, place.kernel)?.shape;
    const shape = before && mergeShape(before, change);
    await backend.startCluster(place.kernel, place.path, shape, options);
  };

  commands.addCommand(CommandIDs.start, {
    label: trans.__('Start Spark'),
    caption: trans.__('Start the Spark cluster of this notebook'),
    isEnabled: can('start'),
    describedBy: { args: { type: 'object', properties: { ...PLACE, ...SHAPE, ...OPTIONS } } },
    execute: async args => {
      const found = target(args);
      if (found) await showErrorOnFailure(trans.__('Spark was not started'), start(found), trans);
    }
  });

  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop Spark'),
    caption: trans.__('Stop the Spark cluster of this notebook'),
    isEnabled: can('stop'),
    describedBy: { args: { type: 'object', properties: PLACE } },
    execute: async args => {
      const found = target(args);
      const cluster = found && clusterOf(backend.state, found.place.kernel);
      if (!cluster || !(await confirmStop(cluster, trans))) return;
      await showErrorOnFailure(
        trans.__('Spark was not stopped'),
        backend.stopCluster(cluster.id),
        trans
      );
    }
  });

  commands.addCommand(CommandIDs.restart, {
    label: trans.__('Restart Spark'),
    caption: trans.__('Replace the Spark cluster of this notebook by a new one'),
    isEnabled: can('restart'),
    describedBy: { args: { type: 'object', properties: { ...PLACE, ...SHAPE } } },
    execute: async args => {
      const found = target(args);
      const cluster = found && clusterOf(backend.state, found.place.kernel);
      if (!cluster) return;
      const shape = mergeShape(cluster.shape, found.change);
      const changes = shapeChanges(cluster.shape, shape, trans);
      const capacity = await backend.capacity().catch(() => null);
      const options = await confirmRestart(cluster, changes, capacity, trans);
      if (options === null) return;
      const size = changes.length > 0 ? shape : undefined;
      const request = backend.restartCluster(cluster.id, size, options);
      await showErrorOnFailure(trans.__('Spark was not restarted'), request, trans);
    }
  });

  commands.addCommand(CommandIDs.resize, {
    label: trans.__('Resize Spark'),
    caption: trans.__(
      'Change the size of the Spark cluster of this notebook, without a restart if possible'
    ),
    isEnabled: args => can('start')(args) || can('restart')(args),
    describedBy: { args: { type: 'object', properties: { ...PLACE, ...SHAPE } } },
    execute: async (args): Promise<unknown> => {
      const found = target(args);
      const cluster = found && clusterOf(backend.state, found.place.kernel);
      if (!cluster || !isLive(cluster))
        return commands.execute(CommandIDs.start, args) as Promise<unknown>;
      const shape = mergeShape(cluster.shape, found.change);
      if (!canResizeInPlace(cluster.shape, shape, cluster.resizeInPlace)) {
        return commands.execute(CommandIDs.restart, args) as Promise<unknown>;
      }
      const changes = shapeChanges(cluster.shape, shape, trans);
      try {
        const { lost } = await backend.resizeCluster(cluster.id, shape);
        const size = changes.map(change => change.short).join(', ');
        const done = trans.__('%1 now has %2. Nothing was restarted.', cluster.notebook, size);
        Notification.success(lost === null ? done : `${done} ${lost}`, { autoClose: 6000 });
      } catch (error) {
        if (error instanceof ProblemError && error.problem.type.endsWith(':restart-needed'))
          return commands.execute(CommandIDs.restart, args) as Promise<unknown>;
        const message = error instanceof Error ? error.message : trans.__('Nothing was changed.');
        await showErrorMessage(trans.__('Spark was not resized'), message);
      }
      return undefined;
    }
  });

  const notify = (): void => {
    for (const id of Object.values(CommandIDs).filter(id => id !== CommandIDs.openPanel)) {
      commands.notifyCommandChanged(id);
    }
  };
  backend.changed.connect(notify);
  current.changed.connect(notify);
}

/** Awaits an action, and shows an error dialog if it fails. */
export async function showErrorOnFailure(
  title: string,
  action: Promise<unknown>,
  trans: Trans
): Promise<void> {
  try {
    await action;
  } catch (error) {
    const message = error instanceof Error ? error.message : trans.__('Nothing was changed.');
    await showErrorMessage(title, message);
  }
}
