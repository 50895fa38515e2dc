import { describe, expect, it } from '@jest/globals';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { OptionChoice, optionTitles, toggled } from '../src/clusters/options';

const OFFERED = [
  { name: 'gpu', title: 'One GPU', description: 'An A100 for each executor.' },
  { name: 'nvme', title: 'Fast scratch', description: '' }
];
const choice = (parts: Partial<React.ComponentProps<typeof OptionChoice>> = {}): string =>
  renderToStaticMarkup(
    React.createElement(OptionChoice, {
      offered: OFFERED,
      chosen: [],
      onChange: () => undefined,
      legend: 'Start with',
      ...parts
    })
  );

describe('the options of a cluster', () => {
  it('are not there where nobody offers any', () => {
    expect(choice({ offered: [] })).toBe('');
  });

  it('are boxes to tick, each with its title and what it is good for', () => {
    const html = choice({ chosen: ['nvme'] });
    expect(html.match(/type="checkbox"/g)).toHaveLength(2);
    expect(html).not.toContain('aglais-Options-note');
    expect(choice({ note: 'Before it starts.' })).toContain('Before it starts.');
    expect(html).toMatch(/<legend>Start with<\/legend>/);
    expect(html).toMatch(
      /data-option="gpu"[^>]*>One GPU<\/label><p[^>]*>An A100 for each executor\./
    );
    // What is ticked, and what describes it to a screen reader.
    expect(html).toMatch(/<input[^>]*data-option="nvme"[^>]*checked=""/);
    expect(html).not.toMatch(/<input[^>]*data-option="gpu"[^>]*checked=""/);
    const described = /data-option="gpu"[^>]*aria-describedby="([^"]+)"/.exec(html)?.[1];
    expect(html).toContain(`<p id="${described}"`);
  });

  it('are taken and given back one by one, in the order of the offer', () => {
    expect(toggled([], 'nvme', OFFERED)).toEqual(['nvme']);
    expect(toggled(['nvme'], 'gpu', OFFERED)).toEqual(['gpu', 'nvme']);
    expect(toggled(['gpu', 'nvme'], 'gpu', OFFERED)).toEqual(['nvme']);
    // One of an earlier cluster that is offered no more cannot be asked for again.
    expect(toggled(['old'], 'gpu', OFFERED)).toEqual(['gpu']);
  });

  it('are called as people call them; one that is offered no more by its name', () => {
    expect(optionTitles(['gpu', 'old'], OFFERED)).toEqual(['One GPU', 'old']);
  });
});
