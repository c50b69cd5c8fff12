// What a panel's options mean, as Grafana's core registers it before it draws: without this the
// packages would leave units, overrides, mappings and transformations alone.
import {
  booleanOverrideProcessor, dataLinksOverrideProcessor, displayNameOverrideProcessor,
  FieldConfigOptionsRegistry, identityOverrideProcessor, numberOverrideProcessor,
  standardFieldConfigEditorRegistry, standardTransformers, standardTransformersRegistry,
  stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

const processors = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  links: dataLinksOverrideProcessor,
  filterable: booleanOverrideProcessor,
  color: identityOverrideProcessor,
};
// Those of our panels.
const ownOfPanels = ['align', 'cellOptions', 'drawStyle', 'fillOpacity', 'filterable', 'lineWidth',
  'showPoints', 'spanNulls', 'stacking', 'hideFrom', 'axisPlacement', 'width'];

const nothing = () => null;
const option = (path, process, isCustom) => ({
  id: isCustom ? `custom.${path}` : path,
  path,
  name: path,
  isCustom,
  process,
  editor: nothing,
  override: nothing,
  settings: {},
  shouldApply: () => true,
});

const standard = Object.entries(processors).map(([path, process]) => option(path, process, false));
export const registry = new FieldConfigOptionsRegistry(() => [
  ...standard,
  ...ownOfPanels.map((path) => option(path, identityOverrideProcessor, true)),
]);

standardFieldConfigEditorRegistry.setInit(() => standard);
const transformers = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((each) => ({
  id: each.id,
  name: each.name,
  editor: nothing,
  transformation: async () => each,
})));
