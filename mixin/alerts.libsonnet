// The shipped alerts with the settings of `config.libsonnet`. Texts are replaced, not parsed: a text
// that is no longer there is an error, so that a setting never stops working in silence.
local replaced(text, old, new) =
  assert std.strReplace(text, old, '') != text : 'the shipped rules no longer have ' + old;
  std.strReplace(text, old, new);

local shipped = importstr '../deploy/prometheus/alerts.rules.yml';

{
  local config = $._config,

  // vmalert has the labels that an alert adds when it expands its texts; series do not.
  local added = ['alertname', 'alertgroup', 'severity'],

  local text =
    replaced(
      replaced(
        replaced(shipped, 'job="multicast_exporter"', config.jobSelector),
        'http://localhost:3000',
        config.grafanaUrl
      ),
      'https://github.com/multicast-exporter/multicast_exporter/blob/main/docs/runbooks',
      config.runbookUrl
    ),
  local own_labels_left_out = replaced(
    text,
    '^(' + std.join('|', added),
    '^(' + std.join('|', added + std.objectFields(config.groupLabels))
  ),
  local groups = std.parseYaml(own_labels_left_out).groups,

  local names = [rule.alert for group in groups for rule in group.rules if std.objectHas(rule, 'alert')],
  local unknown = std.setDiff(std.set(std.objectFields(config.alerts)), std.set(names)),

  local settings(name) = { enabled: true } + std.get(config.alerts, name, {}),
  local is_kept(rule) = !std.objectHas(rule, 'alert') || settings(rule.alert).enabled,
  local changed(rule) =
    if !std.objectHas(rule, 'alert') then rule
    else
      local own = settings(rule.alert);
      local other = std.setDiff(std.objectFields(own), std.set(['enabled', 'severity', 'for', 'keep_firing_for']));
      assert other == [] : '%s has no setting %s' % [rule.alert, other[0]];
      rule
      + (if std.objectHas(own, 'for') then { 'for': own['for'] } else {})
      + (if std.objectHas(own, 'keep_firing_for') then { keep_firing_for: own.keep_firing_for } else {})
      + {
        labels+: config.groupLabels
                 + (if std.objectHas(own, 'severity') then { severity: own.severity } else {}),
      },

  prometheusAlerts+:: {
    assert unknown == [] : 'no alert is called ' + unknown[0],
    groups+: [
      group { rules: [changed(rule) for rule in group.rules if is_kept(rule)] }
      for group in groups
    ],
  },

  prometheusRules+:: std.parseYaml(importstr '../deploy/prometheus/recording.rules.yml'),
}
