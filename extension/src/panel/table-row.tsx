import * as React from 'react';
import type { CachedTable } from '@aglais/protocol';
import { formatTableDetail, tableShares, formatTable } from '../clusters/tables';
import type { Trans } from '../translation';

/** A cached table: its name, its cached size, and a bar of the fractions in memory and on disk. */
export function TableRow(props: { table: CachedTable; trans: Trans }): React.JSX.Element {
  const { table, trans } = props;
  const shares = tableShares(table);
  const text = formatTable(table, trans);
  const detail = formatTableDetail(table, trans);
  return (
    <li className="aglais-Table" data-rdd={table.rdd}>
      <div className="aglais-Table-text">
        <span className="aglais-Table-name" title={table.name}>
          {table.name}
        </span>
        <span className="aglais-Table-value">{text}</span>
      </div>
      {shares && (
        <div
          className="aglais-Table-bar"
          role="meter"
          aria-label={trans.__('Cached part of %1', table.name)}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(100 * (shares.memory + shares.disk))}
          aria-valuetext={[text, detail].filter(Boolean).join('; ')}
          title={table.level}
        >
          <div data-part="memory" style={{ width: `${100 * shares.memory}%` }} />
          <div data-part="disk" style={{ width: `${100 * shares.disk}%` }} />
        </div>
      )}
      {detail && <div className="aglais-Table-detail">{detail}</div>}
    </li>
  );
}
