// What a site may change. Everything else is as shipped: `deploy/prometheus` and
// `grafana/dashboards` are the sources, and this folder has no rule and no panel of its own.
{
  _config+:: {
    // The targets of Prometheus that are exporters, as a selector for `up`.
    jobSelector: 'job="multicast_exporter"',

    // Where Grafana answers, without a slash at the end: for the links in alerts.
    grafanaUrl: 'http://localhost:3000',

    // Where the runbooks are, without a slash at the end.
    runbookUrl: 'https://github.com/multicast-exporter/multicast_exporter/blob/main/docs/runbooks',

    // Labels that every alert gets, as the labels of a group would be (Prometheus 3 has those, 2.x
    // has not). Recorded series do not get them: alerts compare those with scraped ones.
    groupLabels: {},

    // A switch for each alert, and what else differs, by the alert's name:
    //   MulticastHostCost: { enabled: false },
    //   MulticastDeviceChatty: { severity: 'info', 'for': '1h' },
    // A name that no alert has is an error.
    alerts: {},

    // Of all dashboards. Their uids stay: alerts and the dashboards themselves link to them.
    dashboardTags: [],
    dashboardRefresh: '30s',
    dashboardTimezone: 'browser',
  },
}
