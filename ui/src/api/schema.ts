// Made of openapi.json by `npm run types`; do not edit.
export interface paths {
    "/api/v1/klines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Klines
         * @description Closed klines of one instrument and period, oldest first, in `[start_ms, end_ms)`.
         *
         *     With `start_ms`, paging goes forward; without it, the newest rows before `end_ms` are answered and paging goes back.
         *     A forming kline is never here: it is on `/ws`.
         */
        get: operations["klines_api_v1_klines_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/trades": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Trades
         * @description Trades, oldest first.
         */
        get: operations["trades_api_v1_trades_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tickers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Rolling 24-hour statistics
         * @description Rolling 24-hour statistics, oldest first.
         */
        get: operations["tickers_api_v1_tickers_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/funding": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Funding settlements
         * @description Funding settlements, oldest first.
         */
        get: operations["funding_api_v1_funding_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/open_interest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open interest
         * @description Open interest, oldest first.
         */
        get: operations["open_interest_api_v1_open_interest_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/mark_price": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Mark prices
         * @description Mark prices, oldest first.
         */
        get: operations["mark_price_api_v1_mark_price_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Best bids and asks
         * @description Best bids and asks, oldest first.
         */
        get: operations["quotes_api_v1_quotes_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/books": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Book snapshots
         * @description Book snapshots, oldest first.
         */
        get: operations["books_api_v1_books_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/instruments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Instruments
         * @description Search the known instruments. Registered ones come first, then by how well the name fits.
         */
        get: operations["instruments_api_v1_instruments_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/margin-tiers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stored margin tiers
         * @description By instrument and date; nothing for one that has none.
         */
        get: operations["list_tiers_api_v1_margin_tiers_get"];
        /**
         * Keep margin tiers
         * @description Those of a date that is there already are replaced; other dates stay. Answers what the instruments have now.
         */
        put: operations["keep_api_v1_margin_tiers_put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/margin-tiers/{instrument}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget margin tiers
         * @description All dates of one instrument (full name).
         */
        delete: operations["remove_api_v1_margin_tiers__instrument__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/coverage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Coverage of the stored streams
         * @description Per stream: first and last row, rows, percentage of the klines that should exist, and on demand a heat map by day.
         */
        get: operations["coverage_api_v1_coverage_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gaps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Gaps
         * @description Gaps that are open now, and the recent life of those healed or explained, newest change first.
         */
        get: operations["gaps_api_v1_gaps_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gaps/commands/{command_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of a heal command
         * @description The state of a command that was answered with 202.
         */
        get: operations["heal_state_api_v1_gaps_commands__command_id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Restated klines
         * @description With a symbol: every stored revision of its restated klines. Without: those seen since the process started.
         */
        get: operations["revisions_api_v1_revisions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The last audit
         * @description The report of the last audit of the integrity ledger.
         */
        get: operations["audit_api_v1_audit_get"];
        put?: never;
        /**
         * Run an audit
         * @description Check the digest chain against the stored rows, and the cross checks; answers when it is done.
         */
        post: operations["run_api_v1_audit_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/streams": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Live health of streams
         * @description Every stream that is wanted or was seen: its state, its connection, the age of its last event.
         */
        get: operations["streams_api_v1_streams_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gaps/heal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Heal a range now
         * @description Fetch a range of klines again. Waits 2 s for the fact; then answers 202 with the place to ask again.
         */
        post: operations["heal_api_v1_gaps_heal_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The whole system at a glance
         * @description Services, throughput, weights, queues, stores, the progress of history, and the last system events.
         */
        get: operations["status_api_v1_status_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settings
         * @description Every setting with its value and where that came from; secrets are masked.
         */
        get: operations["settings_api_v1_settings_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The end of the log
         * @description The last log events, newest last; secrets are redacted before they are written.
         */
        get: operations["logs_api_v1_logs_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/topology": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who talks to whom
         * @description The services and the topics that they read and write.
         */
        get: operations["topology_api_v1_topology_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Registered pairs
         * @description What is collected.
         */
        get: operations["pairs_api_v1_pairs_get"];
        put?: never;
        /**
         * Register or change a pair
         * @description Collect an instrument from now on; its history is fetched too.
         */
        post: operations["add_pair_api_v1_pairs_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/proxies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Egress proxies
         * @description The proxies that REST and WebSocket may go through. Passwords are never shown.
         */
        get: operations["proxies_api_v1_proxies_get"];
        put?: never;
        /**
         * Register a proxy
         * @description Its password is sealed before it is stored.
         */
        post: operations["add_proxy_api_v1_proxies_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Access keys
         * @description The keys that we gave to clients, by name and prefix.
         */
        get: operations["access_keys_api_v1_access_keys_get"];
        put?: never;
        /**
         * Make an access key
         * @description The clear text is in this answer and nowhere else.
         */
        post: operations["create_access_key_api_v1_access_keys_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pairs/{instrument}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Stop collecting a pair
         * @description What is stored stays; nothing new is collected.
         */
        delete: operations["remove_pair_api_v1_pairs__instrument__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/proxies/{proxy_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget a proxy
         * @description Connections that go through it move to another egress.
         */
        delete: operations["remove_proxy_api_v1_proxies__proxy_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/access-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an access key
         * @description It is refused from now on.
         */
        delete: operations["remove_access_key_api_v1_access_keys__key_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/strategies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Registered strategies
         * @description Those that come with the platform, of plugins, and of your own folder.
         */
        get: operations["strategies_api_v1_strategies_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/strategies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One strategy
         * @description Its parameters as a JSON Schema.
         */
        get: operations["strategy_api_v1_strategies__name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtest-metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Figures of a backtest
         * @description Each with its unit, its formula, and what one observation is.
         */
        get: operations["metrics_api_v1_backtest_metrics_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/indicators": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Registered indicators
         * @description Inputs, parameters, outputs, warm-up and source of each.
         */
        get: operations["indicators_api_v1_indicators_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/indicators/values": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * An indicator over stored klines
         * @description The newest `limit` bars before `end_ms`, or those from `start_ms` on; earlier bars are read for the warm-up.
         */
        get: operations["values_api_v1_indicators_values_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Deployments
         * @description All deployments by name, with figures of those that run.
         */
        get: operations["list_deployments_api_v1_deployments_get"];
        put?: never;
        /**
         * Create a deployment
         * @description It does not run until it is started.
         */
        post: operations["create_api_v1_deployments_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One deployment
         * @description A deployment by id or name.
         */
        get: operations["deployment_api_v1_deployments__reference__get"];
        put?: never;
        post?: never;
        /**
         * Remove a deployment
         * @description Only one that does not run; its history stays.
         */
        delete: operations["remove_api_v1_deployments__reference__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who changed what
         * @description A deployment's changes, newest first.
         */
        get: operations["history_api_v1_deployments__reference__history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}/parity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run against its backtest
         * @description What was decided live, through the backtester: the share that is the same, the fill model's error, the causes.
         */
        get: operations["parity_of_api_v1_deployments__reference__parity_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}/configure": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change a deployment
         * @description Only one that does not run; each change is a new version.
         */
        post: operations["configure_api_v1_deployments__reference__configure_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring back a version
         * @description The earlier setting becomes a new version; it is left stopped.
         */
        post: operations["roll_back_api_v1_deployments__reference__rollback_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deployments/{reference}/{verb}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start, pause, resume or stop
         * @description Paused it follows the market silently; stopped its memory is saved.
         */
        post: operations["say_api_v1_deployments__reference___verb__post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Jobs
         * @description Newest first.
         */
        get: operations["list_jobs_api_v1_jobs_get"];
        put?: never;
        /**
         * Submit a job
         * @description What cannot be done is refused here, before it waits.
         */
        post: operations["submit_api_v1_jobs_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One job
         * @description Its progress, and its summary once it is done.
         */
        get: operations["get_job_api_v1_jobs__job_id__get"];
        put?: never;
        post?: never;
        /**
         * Delete a job
         * @description Its tables go; its trials stay counted, its stored backtests stay.
         */
        delete: operations["delete_job_api_v1_jobs__job_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{job_id}/tables/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A table of a finished job
         * @description What a kind of job leaves is in docs/optimisation.md.
         */
        get: operations["job_table_api_v1_jobs__job_id__tables__name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a job
         * @description A waiting one ends at once, a running one within a second or so; a finished one stays as it is.
         */
        post: operations["cancel_api_v1_jobs__job_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stored backtests
         * @description Newest first.
         */
        get: operations["list_backtests_api_v1_backtests_get"];
        put?: never;
        /**
         * Keep a backtest that was run elsewhere
         * @description The command line and notebooks keep their runs with it.
         */
        post: operations["keep_api_v1_backtests_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/compare": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Stored backtests side by side
         * @description Every figure of each, what is different between them, and their growth on one clock.
         */
        get: operations["compare_api_v1_backtests_compare_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One stored backtest
         * @description Every metric with its formula, all that was assumed, what was checked, and what computed it.
         */
        get: operations["get_backtest_api_v1_backtests__result_id__get"];
        put?: never;
        post?: never;
        /**
         * Delete a stored backtest
         * @description Its run stays counted in the ledger of trials.
         */
        delete: operations["delete_backtest_api_v1_backtests__result_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a report draws
         * @description Thinned curves, candles and trades as base64 of little-endian numbers, and the small tables.
         */
        get: operations["report_api_v1_backtests__result_id__report_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Why a stored backtest did not trade
         * @description The gates that said no: how often, when first and last, and the stretches of bars.
         */
        get: operations["why_api_v1_backtests__result_id__why_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}/files/{ending}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A report as a file
         * @description The page is one file that asks nobody for anything.
         */
        get: operations["file_api_v1_backtests__result_id__files__ending__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}/tables/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A table of a stored backtest
         * @description Tables: equity, daily, trades, and where there are any fills, orders, funding, liquidations.
         */
        get: operations["backtest_table_api_v1_backtests__result_id__tables__name__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/trials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The lifetime ledger of trials
         * @description Families of strategies: how often each was tried.
         */
        get: operations["families_api_v1_trials_get"];
        put?: never;
        /**
         * Count runs
         * @description What a notebook ran is counted too.
         */
        post: operations["count_api_v1_trials_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/trials/{family}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The trials of one family
         * @description Zero runs for a family that was never tried.
         */
        get: operations["family_api_v1_trials__family__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/backtests/{result_id}/repeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Repeat a stored backtest
         * @description The job's result says whether the run is the same to the bit, and what changed if it is not.
         */
        post: operations["repeat_api_v1_backtests__result_id__repeat_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Orders
         * @description Newest first; `open`: those only that have not ended.
         */
        get: operations["list_orders_api_v1_orders_get"];
        put?: never;
        /**
         * Place an order
         * @description Through risk control; a denial is answered with its rule, limit and value, and nothing is sent.
         */
        post: operations["place_api_v1_orders_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{order_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One order
         * @description As it is known now, with the evidence of its state.
         */
        get: operations["get_order_api_v1_orders__order_id__get"];
        /**
         * Change an open limit order
         * @description Through risk control, under the same id. Answered 409 where the venue refused; `amending` where it did not answer.
         */
        put: operations["amend_api_v1_orders__order_id__put"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{order_id}/chain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * From the frame to the fill
         * @description Why the order is there and what came of it: each step with its time, and how long it took since the one before.
         */
        get: operations["get_chain_api_v1_orders__order_id__chain_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/fills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fills
         * @description Newest first; each was booked once.
         */
        get: operations["list_fills_api_v1_fills_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/positions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Positions
         * @description What accounts hold, and what of it belongs to which deployment.
         */
        get: operations["list_positions_api_v1_positions_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/denials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What risk control denied
         * @description Newest first, with rule, limit and value.
         */
        get: operations["list_denials_api_v1_denials_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Trading accounts
         * @description Each with its wallet by the books.
         */
        get: operations["list_accounts_api_v1_accounts_get"];
        put?: never;
        /**
         * Add an account
         * @description Paper: at the live prices of its venue's market, with money that is not real. Live: once it has a key.
         */
        post: operations["add_account_api_v1_accounts_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/algorithms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Orders worked off in parts
         * @description Newest first; their parts are orders.
         */
        get: operations["list_algorithms_api_v1_algorithms_get"];
        put?: never;
        /**
         * Work an order off in parts
         * @description It is durable when this answers, and goes on after a restart; each part goes through risk control.
         */
        post: operations["start_api_v1_algorithms_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/preflight": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Look before going live
         * @description Key, clock, mode, fees, money, limits, risk control: asked of the venue and the store; nothing is changed.
         */
        post: operations["preflight_api_v1_accounts__name__preflight_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/venue-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Venue keys
         * @description Their beginnings and rights; what is secret of them is shown nowhere.
         */
        get: operations["list_keys_api_v1_venue_keys_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/venue-keys/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rotate the master key
         * @description A new master key, every venue key sealed under it, the old ones gone. Accounts trade meanwhile.
         */
        post: operations["rotate_master_api_v1_venue_keys_rotate_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{name}/key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give an account its key
         * @description Checked with the venue; one that can withdraw is refused. It replaces the one that is there.
         */
        post: operations["give_key_api_v1_accounts__name__key_post"];
        /**
         * Forget an account's key
         * @description At the venue it is still valid: delete it there. While orders are open, which nobody watches then, it takes `force`.
         */
        delete: operations["forget_key_api_v1_accounts__name__key_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/route": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask what an order would cost
         * @description At each account that trades the same thing, by fees, spread, size and price; nothing is sent. `chosen`: the cheapest.
         */
        post: operations["quote_api_v1_orders_route_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Place several orders
         * @description Of one account, decided in one commit, each counting those before it; the answers stand in their order.
         */
        post: operations["place_batch_api_v1_orders_batch_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/cancel-all": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel all open orders
         * @description Of an account, or of one instrument there; each is asked for until it has ended.
         */
        post: operations["cancel_all_api_v1_orders_cancel_all_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/close-all": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Close what is held
         * @description Market orders against everything that an account holds, or one instrument there; denials are told beside them.
         */
        post: operations["close_all_api_v1_orders_close_all_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{order_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel an order
         * @description The answer is the order as its venue has it; one that was filled meanwhile stays filled.
         */
        post: operations["cancel_api_v1_orders__order_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/algorithms/{order_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End an algorithm
         * @description No part is sent any more, and the open one is cancelled; what is filled stays.
         */
        post: operations["cancel_api_v1_algorithms__order_id__cancel_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * States and rules
         * @description As they are in force.
         */
        get: operations["get_risk_api_v1_risk_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/rehearsal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What rules would have done
         * @description Past orders of an account asked again: what would have been blocked, which losses that saves, which profits it costs.
         *
         *     By default of the last thirty days. What a blocked order opened is followed to now: closed first in, first out,
         *     the open rest at the last price, after fees, without funding. The orders after a blocked one are taken as they were.
         */
        get: operations["rehearse_api_v1_risk_rehearsal_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/state": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a state
         * @description REDUCING lets reducing orders through only, HALTED none; what rests stays. It is kept over restarts.
         */
        post: operations["set_state_api_v1_risk_state_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/risk/rules/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a rule
         * @description In force from the next order on; a rule of positions at once. For one account or deployment where that is said.
         */
        post: operations["set_rule_api_v1_risk_rules__name__post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/alerts/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try the alerts
         * @description Send one that says nothing to every configured address.
         */
        post: operations["try_alerts_api_v1_alerts_test_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kill": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The kill switch
         * @description Halt the system, cancel every open order of every account, and close what is held where that is asked.
         */
        post: operations["kill_api_v1_kill_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotas": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Allocation, quotas and their use
         * @description Of every deployment that trades on an account; everything in flight is counted at its worst.
         */
        get: operations["list_quotas_api_v1_quotas_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/quotas/{reference}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a deployment's quota
         * @description In force from the next order on, also while it runs; what is left out stays.
         */
        post: operations["set_quota_api_v1_quotas__reference__post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/portfolio": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Equity and what was earned
         * @description By the books; equity is marked at the last prices.
         */
        get: operations["get_portfolio_api_v1_portfolio_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/portfolio/equity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Equity over time
         * @description Of the last day where no range is given. Minutes are kept for two days, hours for ninety, days for ten years.
         */
        get: operations["get_equity_api_v1_portfolio_equity_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/portfolio/statements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Daily statements
         * @description Newest day first, a row per currency: opening, moves by reason, closing, and what the venue said.
         *
         *     Every entry of the journal is added up, once in the life of the process: `balanced` says whether every day and every
         *     balance is what its entries make it, and whether the venue's last word was the same.
         */
        get: operations["get_statements_api_v1_portfolio_statements_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/journal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The journal
         * @description Newest first; the sum of each entry is zero.
         */
        get: operations["get_journal_api_v1_journal_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Log in by the printed address
         * @description Set the owner's cookie and go to the page. `qs` prints this address at start.
         */
        get: operations["login_login_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This session
         * @description What this caller may do.
         */
        get: operations["session_api_v1_session_get"];
        put?: never;
        /**
         * Log in
         * @description Change the owner token for the owner's cookie.
         */
        post: operations["log_in_api_v1_session_post"];
        /**
         * Log out
         * @description Forget the cookie.
         */
        delete: operations["log_out_api_v1_session_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/maintenance/{operation}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import, back up, restore, prune, seal or check the stores
         * @description Answers lines of JSON: `{"done", "total", "text"}` while it works, then `{"result"}` or `{"error"}`.
         */
        post: operations["run_api_v1_maintenance__operation__post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/udf/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the datafeed can do
         * @description The first call of a TradingView chart.
         */
        get: operations["config_udf_config_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/udf/time": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The server's time
         * @description Seconds since 1970, as plain text.
         */
        get: operations["time_udf_time_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/udf/symbols": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One symbol
         * @description Resolve a symbol: a full name, `BINANCE:BTCUSDT`, or the venue's own.
         */
        get: operations["symbols_udf_symbols_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/udf/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search
         * @description Symbols whose name fits what was typed.
         */
        get: operations["search_udf_search_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/udf/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Bars
         * @description Bars of `[from, to)`; `no_data` with `nextTime` where the range is empty but earlier bars exist.
         */
        get: operations["history_udf_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Alive
         * @description The process answers. For a supervisor that restarts it when it does not.
         */
        get: operations["live_health_live_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ready
         * @description The stores answer. For a load balancer.
         */
        get: operations["ready_health_ready_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Stores, services and live streams; `degraded` still serves.
         */
        get: operations["health_health_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Figures for Prometheus
         * @description Requests, services, queues, streams, weights and the process, in Prometheus' text format.
         */
        get: operations["prometheus_metrics_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AccessKeyCreated
         * @description The new key; its clear text is shown this once.
         */
        AccessKeyCreated: {
            /**
             * Key
             * @description Keep it: it cannot be shown again.
             * @example qs_4f2a…
             */
            key: string;
            access_key: components["schemas"]["AccessKeyRow"];
        };
        /**
         * AccessKeyList
         * @description The access keys.
         */
        AccessKeyList: {
            /** Data */
            data: components["schemas"]["AccessKeyRow"][];
        };
        /**
         * AccessKeyRequest
         * @description A key to make.
         */
        AccessKeyRequest: {
            /**
             * Name
             * @example notebook
             */
            name: string;
            /**
             * Qps Limit
             * @default 20
             * @example 20
             */
            qps_limit: number;
        };
        /**
         * AccessKeyRow
         * @description A key that we gave to a client; only its prefix can be shown.
         */
        AccessKeyRow: {
            /**
             * Id
             * @example 1
             */
            id: number;
            /**
             * Name
             * @example notebook
             */
            name: string;
            /**
             * Prefix
             * @example qs_4f2a
             */
            prefix: string;
            /**
             * Qps Limit
             * @example 20
             */
            qps_limit: number;
            /**
             * Enabled
             * @example true
             */
            enabled: boolean;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
        };
        /**
         * AccountFeesRow
         * @description What an account pays, as its venue said: fractions of the notional, a rebate negative.
         */
        AccountFeesRow: {
            /**
             * Maker
             * @description Exact decimal as text.
             * @example 67123.10
             */
            maker: string;
            /**
             * Taker
             * @description Exact decimal as text.
             * @example 67123.10
             */
            taker: string;
            /**
             * Instrument
             * @description Of which the venue was asked.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Read Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            read_ms: number;
        };
        /**
         * AccountList
         * @description The accounts.
         */
        AccountList: {
            /** Data */
            data: components["schemas"]["AccountRow"][];
        };
        /**
         * AccountRequest
         * @description An account to add. ``balances`` are what a paper account begins with; without them its market's usual ones.
         *
         *     A live account trades once it has a key.
         */
        AccountRequest: {
            /**
             * Name
             * @example paper
             */
            name: string;
            /**
             * Market
             * @default um
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Mode
             * @default paper
             * @enum {string}
             */
            mode: "paper" | "live";
            /**
             * Venue
             * @default binance
             * @example binance
             */
            venue: string;
            /**
             * Currency
             * @default USDT
             * @example USDT
             */
            currency: string;
            /**
             * Balances
             * @default {}
             * @example {
             *       "USDT": "50000"
             *     }
             */
            balances: {
                [key: string]: string;
            };
        };
        /**
         * AccountRow
         * @description An account, what it has by its books, and whether its orders may be sent.
         */
        AccountRow: {
            /**
             * Name
             * @example paper
             */
            name: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Mode
             * @enum {string}
             */
            mode: "paper" | "live";
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /** Enabled */
            enabled: boolean;
            /**
             * Ready
             * @description Reconciled with its venue, and ours.
             */
            ready: boolean;
            /**
             * Problem
             * @description Why it does not trade: no key, a fault that parked it; empty while it does or comes up.
             */
            problem: string;
            /**
             * Balances
             * @description The wallet by the books, per currency.
             * @example {
             *       "USDT": "100000"
             *     }
             */
            balances: {
                [key: string]: string;
            };
            /** @description null until they were read. */
            fees: components["schemas"]["AccountFeesRow"] | null;
        };
        /**
         * AlertAnswer
         * @description An alert that is on its way.
         */
        AlertAnswer: {
            /**
             * Name
             * @example test
             */
            name: string;
            /**
             * Sentence
             * @example a test: alerts of QuantService arrive here
             */
            sentence: string;
        };
        /**
         * AlgorithmBody
         * @description An order that is worked off in parts: twap and vwap over `minutes`, iceberg by what it shows, limit at the best price.
         */
        AlgorithmBody: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /** Market */
            market?: ("spot" | "um" | "cm" | "dex") | null;
            /**
             * Side
             * @example buy
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 0.05
             */
            quantity: string;
            /**
             * Type
             * @default market
             * @enum {string}
             */
            type: "market" | "limit";
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @default GTC
             * @enum {string}
             */
            time_in_force: "GTC" | "IOC" | "FOK";
            /**
             * Post Only
             * @default false
             */
            post_only: boolean;
            /**
             * Reduce Only
             * @default false
             */
            reduce_only: boolean;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Algorithm
             * @enum {string}
             */
            algorithm: "twap" | "vwap" | "iceberg" | "limit";
            /**
             * Minutes
             * @description Its time; nothing of it is open afterwards. 0: no end.
             * @default 0
             */
            minutes: number;
            /**
             * Slices
             * @description Parts of its time; 0: one a minute.
             * @default 0
             */
            slices: number;
            /**
             * Shown
             * @description What the market sees of an iceberg at once.
             */
            shown?: string | null;
            /**
             * Profile
             * @description Shares of volume of a vwap, one per part; empty: as on the days before.
             * @default []
             */
            profile: string[];
        };
        /**
         * AlgorithmList
         * @description Algorithms, newest first.
         */
        AlgorithmList: {
            /** Data */
            data: components["schemas"]["AlgorithmRow"][];
        };
        /**
         * AlgorithmRow
         * @description An order that is worked off in parts, and how far it is.
         */
        AlgorithmRow: {
            /**
             * Algorithm Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            algorithm_id: string;
            /**
             * Algorithm
             * @enum {string}
             */
            algorithm: "twap" | "vwap" | "iceberg" | "limit";
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /** Limit Price */
            limit_price?: string | null;
            /** Shown */
            shown?: string | null;
            /**
             * State
             * @enum {string}
             */
            state: "running" | "cancelling" | "done" | "cancelled" | "expired" | "failed";
            /**
             * Filled
             * @description Exact decimal as text.
             * @example 67123.10
             */
            filled: string;
            /** Average Price */
            average_price?: string | null;
            /**
             * Parts
             * @description Parts of its time, or parts that were sent.
             * @example 30
             */
            parts: number;
            /**
             * Reason
             * @example
             */
            reason: string;
            /**
             * Start Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            start_ms: number;
            /**
             * End Ms
             * @description UTC milliseconds; 0: no end.
             * @example 0
             */
            end_ms: number;
        };
        /**
         * AllocationRow
         * @description What of an account is allotted to deployments; null where the account is not traded here.
         */
        AllocationRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Allocated
             * @description Exact decimal as text.
             * @example 67123.10
             */
            allocated: string;
            /** Equity */
            equity: string | null;
            /**
             * Free
             * @description Equity less what is allotted; negative where more is allotted than there is.
             */
            free: string | null;
            /**
             * Exposure
             * @description Value of all positions, everything in flight counted at its worst.
             */
            exposure: string | null;
        };
        /**
         * AmendBody
         * @description What an open limit order shall become; what is not given stays. ``quantity`` is the whole one, what is filled included.
         */
        AmendBody: {
            /** Quantity */
            quantity?: string | null;
            /** Limit Price */
            limit_price?: string | null;
            /**
             * Risk
             * @description Rules of this order alone, besides those in force: rule name to its parameters.
             * @example {
             *       "max_order_value": {
             *         "limit": "5000"
             *       }
             *     }
             */
            risk?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
        };
        /**
         * AmendmentRow
         * @description The last change that was asked of an order: asked (its outcome is not known yet), made, or refused and why.
         */
        AmendmentRow: {
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /**
             * Limit Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            limit_price: string;
            /**
             * State
             * @enum {string}
             */
            state: "asked" | "made" | "refused";
            /**
             * Reason
             * @example
             */
            reason: string;
        };
        /**
         * AuditFinding
         * @description One thing that the audit found wrong.
         */
        AuditFinding: {
            /**
             * Check
             * @description digest, cross_period or cross_source.
             * @example digest
             */
            check: string;
            /**
             * Stream
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Day Ms
             * @example 1748736000000
             */
            day_ms?: number | null;
            /**
             * Open Time
             * @description First bad row.
             * @example 1748736060000
             */
            open_time?: number | null;
            /**
             * Detail
             * @example volume differs: ws 12.5, rest 12.6
             */
            detail: string;
        };
        /**
         * AuditReport
         * @description The last audit of the ledger.
         */
        AuditReport: {
            /**
             * State
             * @description never: none was run yet.
             * @enum {string}
             */
            state: "never" | "running" | "sound" | "unsound" | "failed";
            /**
             * Started Ms
             * @example 1748736000000
             */
            started_ms?: number | null;
            /**
             * Finished Ms
             * @example 1748736001000
             */
            finished_ms?: number | null;
            /**
             * Sealed Days
             * @description Stream days in the digest chain.
             * @default 0
             * @example 42
             */
            sealed_days: number;
            /**
             * Checked Days
             * @default 0
             * @example 42
             */
            checked_days: number;
            /**
             * Checked Rows
             * @default 0
             * @example 60480
             */
            checked_rows: number;
            /**
             * Head
             * @description Head of the digest chain.
             * @default
             * @example 9f2c…
             */
            head: string;
            /**
             * Detail
             * @default
             * @example
             */
            detail: string;
            /** Findings */
            findings?: components["schemas"]["AuditFinding"][];
        };
        /**
         * BacktestBody
         * @description A backtest that was run elsewhere, whole.
         */
        BacktestBody: {
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Title
             * @default
             * @example
             */
            title: string;
            /**
             * Parameters
             * @default {}
             * @example {
             *       "fast": 10
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Code Hash
             * @default
             * @example 3f1c
             */
            code_hash: string;
            /**
             * Family
             * @default
             * @example 91ab
             */
            family: string;
            /**
             * Data
             * @description Which bars; empty: a table of its own.
             * @default {}
             * @example {
             *       "symbols": [
             *         "BTCUSDT"
             *       ]
             *     }
             */
            data: {
                [key: string]: unknown;
            };
            /**
             * Data Fingerprint
             * @default
             * @example bars:c0ff
             */
            data_fingerprint: string;
            /**
             * Assumptions
             * @default {}
             * @example {
             *       "initial_equity": 10000
             *     }
             */
            assumptions: {
                [key: string]: unknown;
            };
            /**
             * Metrics
             * @default {}
             * @example {}
             */
            metrics: {
                [key: string]: unknown;
            };
            /**
             * Run Fingerprint
             * @default
             * @example beef
             */
            run_fingerprint: string;
            /**
             * Gates
             * @default {}
             * @example {}
             */
            gates: {
                [key: string]: components["schemas"]["GateRow"];
            };
            /**
             * Versions
             * @default {}
             * @example {
             *       "quantservice": "0.1.0"
             *     }
             */
            versions: {
                [key: string]: string;
            };
            /**
             * Parts
             * @description Its tables: Arrow streams as base64, by name.
             * @default {}
             * @example {}
             */
            parts: {
                [key: string]: string;
            };
            /** @description Counts the run in the same commit. */
            trial?: components["schemas"]["TrialBody"] | null;
        };
        /**
         * BacktestComparison
         * @description Stored backtests side by side.
         */
        BacktestComparison: {
            /** Data */
            data: components["schemas"]["BacktestRow"][];
            /** Metrics */
            metrics: components["schemas"]["ComparedMetric"][];
            /** Differences */
            differences: components["schemas"]["Difference"][];
            /**
             * Days
             * @description Ends of UTC days on which at least one of them ran.
             */
            days: number[];
            /**
             * Growth
             * @description For each its equity at those ends over its equity at the start.
             * @example [
             *       [
             *         1,
             *         1.01
             *       ]
             *     ]
             */
            growth: (number | null)[][];
            /**
             * Correlation
             * @description Of returns on common days.
             * @example [
             *       [
             *         1,
             *         0.4
             *       ],
             *       [
             *         0.4,
             *         1
             *       ]
             *     ]
             */
            correlation: (number | null)[][];
        };
        /**
         * BacktestDetail
         * @description A stored backtest whole.
         */
        BacktestDetail: {
            /**
             * Id
             * @example b3f1c9a0d2e4
             */
            id: string;
            /**
             * Job Id
             * @example 19777e1c2003a1f
             */
            job_id: string;
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Title
             * @example
             */
            title: string;
            /**
             * Parameters
             * @example {
             *       "fast": 10,
             *       "slow": 50
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Data
             * @example {
             *       "period": "1h",
             *       "symbols": [
             *         "BTCUSDT"
             *       ]
             *     }
             */
            data: {
                [key: string]: unknown;
            };
            /**
             * Code Hash
             * @description Of the strategy's text.
             * @example 3f1c
             */
            code_hash: string;
            /**
             * Family
             * @description Of its code without parameters.
             * @example 91ab
             */
            family: string;
            /**
             * Data Fingerprint
             * @description Of the bars, their revisions and the rules.
             * @example c0ff
             */
            data_fingerprint: string;
            /**
             * Run Fingerprint
             * @description Of all that happened.
             * @example beef
             */
            run_fingerprint: string;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /**
             * Figures
             * @example {
             *       "sharpe": 1.1
             *     }
             */
            figures: {
                [key: string]: number | null;
            };
            /**
             * Assumptions
             * @example {
             *       "initial_equity": 10000
             *     }
             */
            assumptions: {
                [key: string]: unknown;
            };
            /**
             * Metrics
             * @description Every metric with formula, sampling and reason.
             * @example {}
             */
            metrics: {
                [key: string]: unknown;
            };
            /**
             * Gates
             * @description What was checked, by name.
             * @example {
             *       "look_ahead": {
             *         "chinese": "",
             *         "state": "passed",
             *         "text": "every bar"
             *       }
             *     }
             */
            gates: {
                [key: string]: components["schemas"]["GateRow"];
            };
            /**
             * Versions
             * @example {
             *       "quantservice": "0.1.0"
             *     }
             */
            versions: {
                [key: string]: string;
            };
            /**
             * Tables
             * @example [
             *       "equity",
             *       "trades"
             *     ]
             */
            tables: string[];
        };
        /**
         * BacktestKept
         * @description The id of a kept backtest.
         */
        BacktestKept: {
            /**
             * Id
             * @example b3f1c9a0d2e4
             */
            id: string;
        };
        /**
         * BacktestList
         * @description Stored backtests, newest first.
         */
        BacktestList: {
            /** Data */
            data: components["schemas"]["BacktestRow"][];
        };
        /**
         * BacktestReport
         * @description What a report draws. Long arrays are base64, little-endian: float32 numbers, uint32 seconds, int32 words.
         */
        BacktestReport: {
            /**
             * Format
             * @example quantservice.report.v1
             */
            format: string;
            /**
             * About
             * @example {
             *       "strategy": "ma_cross"
             *     }
             */
            about: {
                [key: string]: unknown;
            };
            /**
             * Run
             * @example {
             *       "bars": 8760,
             *       "instruments": [
             *         "binance:um:BTC-USDT-PERP"
             *       ],
             *       "period": "1h"
             *     }
             */
            run: {
                [key: string]: unknown;
            };
            /**
             * Assumptions
             * @example {
             *       "initial_equity": 10000
             *     }
             */
            assumptions: {
                [key: string]: unknown;
            };
            /**
             * Settings
             * @example {
             *       "periods": 365
             *     }
             */
            settings: {
                [key: string]: unknown;
            };
            /**
             * Gates
             * @example [
             *       {
             *         "chinese": "",
             *         "name": "look_ahead",
             *         "state": "passed",
             *         "text": ""
             *       }
             *     ]
             */
            gates: {
                [key: string]: unknown;
            }[];
            /**
             * Flags
             * @description What a reader must know.
             * @example []
             */
            flags: {
                [key: string]: unknown;
            }[];
            /**
             * Metrics
             * @example [
             *       {
             *         "label": "Sharpe",
             *         "name": "sharpe",
             *         "unit": "ratio",
             *         "value": 1.1
             *       }
             *     ]
             */
            metrics: {
                [key: string]: unknown;
            }[];
            /**
             * Groups
             * @description English and Chinese of metrics' groups.
             * @example {
             *       "risk": [
             *         "Risk",
             *         "风险"
             *       ]
             *     }
             */
            groups: {
                [key: string]: string[];
            };
            /**
             * Equity
             * @example {}
             */
            equity: {
                [key: string]: unknown;
            };
            /**
             * Rolling
             * @example {}
             */
            rolling: {
                [key: string]: unknown;
            };
            /**
             * Histogram
             * @example {}
             */
            histogram: {
                [key: string]: unknown;
            };
            /**
             * Trades
             * @example {}
             */
            trades: {
                [key: string]: unknown;
            };
            /**
             * Trades Total
             * @example 115
             */
            trades_total: number;
            /**
             * Candles
             * @example []
             */
            candles: {
                [key: string]: unknown;
            }[];
            /**
             * Tables
             * @example {
             *       "monthly": []
             *     }
             */
            tables: {
                [key: string]: {
                    [key: string]: unknown;
                }[];
            };
        };
        /**
         * BacktestRow
         * @description A stored backtest as a list shows it.
         */
        BacktestRow: {
            /**
             * Id
             * @example b3f1c9a0d2e4
             */
            id: string;
            /**
             * Job Id
             * @example 19777e1c2003a1f
             */
            job_id: string;
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Title
             * @example
             */
            title: string;
            /**
             * Parameters
             * @example {
             *       "fast": 10,
             *       "slow": 50
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Data
             * @example {
             *       "period": "1h",
             *       "symbols": [
             *         "BTCUSDT"
             *       ]
             *     }
             */
            data: {
                [key: string]: unknown;
            };
            /**
             * Code Hash
             * @description Of the strategy's text.
             * @example 3f1c
             */
            code_hash: string;
            /**
             * Family
             * @description Of its code without parameters.
             * @example 91ab
             */
            family: string;
            /**
             * Data Fingerprint
             * @description Of the bars, their revisions and the rules.
             * @example c0ff
             */
            data_fingerprint: string;
            /**
             * Run Fingerprint
             * @description Of all that happened.
             * @example beef
             */
            run_fingerprint: string;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /**
             * Figures
             * @example {
             *       "sharpe": 1.1
             *     }
             */
            figures: {
                [key: string]: number | null;
            };
        };
        /**
         * BacktestWhy
         * @description Why a stored backtest did not trade.
         */
        BacktestWhy: {
            /**
             * Format
             * @example quantservice.why.v1
             */
            format: string;
            /**
             * Rows
             * @description Bars by instruments.
             * @example 8760
             */
            rows: number;
            /**
             * Traded
             * @description Rows of which an order filled.
             * @example 230
             */
            traded: number;
            /**
             * Gates
             * @description The most frequent first.
             */
            gates: components["schemas"]["WhyGate"][];
            /**
             * Stretches
             * @description In order of time: rare gates whole, of the others the last ones.
             */
            stretches: components["schemas"]["WhyStretch"][];
            /**
             * Stretches Total
             * @description How many there were; at most 1,000 are kept.
             * @example 467
             */
            stretches_total: number;
            /**
             * Note
             * @description Why nothing is known; empty: it is.
             * @example
             */
            note: string;
        };
        /**
         * BalanceDifferenceRow
         * @description A balance that is kept as another figure than its entries add up to.
         */
        BalanceDifferenceRow: {
            /**
             * Ledger Account
             * @example wallet
             */
            ledger_account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Kept
             * @description Exact decimal as text.
             * @example 67123.10
             */
            kept: string;
            /**
             * Summed
             * @description Exact decimal as text.
             * @example 67123.10
             */
            summed: string;
        };
        /**
         * BatchAnswer
         * @description What came of each, in their order.
         */
        BatchAnswer: {
            /** Data */
            data: components["schemas"]["BatchRow"][];
        };
        /**
         * BatchBody
         * @description Orders of one account, and rules asked of all of them.
         */
        BatchBody: {
            /** Orders */
            orders: components["schemas"]["BatchOrder"][];
            /**
             * Risk
             * @description Rules of this order alone, besides those in force: rule name to its parameters.
             * @example {
             *       "max_order_value": {
             *         "limit": "5000"
             *       }
             *     }
             */
            risk?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
        };
        /**
         * BatchOrder
         * @description One order of several.
         */
        BatchOrder: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /** Market */
            market?: ("spot" | "um" | "cm" | "dex") | null;
            /**
             * Side
             * @example buy
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 0.05
             */
            quantity: string;
            /**
             * Type
             * @default market
             * @enum {string}
             */
            type: "market" | "limit" | "stop" | "stop_limit" | "take_profit";
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @default GTC
             * @enum {string}
             */
            time_in_force: "GTC" | "IOC" | "FOK";
            /**
             * Post Only
             * @default false
             */
            post_only: boolean;
            /**
             * Reduce Only
             * @default false
             */
            reduce_only: boolean;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Deadline S
             * @description So many seconds later the platform cancels what is left of an order that rests; null: never.
             * @example 3600
             */
            deadline_s?: number | null;
        };
        /**
         * BatchRow
         * @description What came of one order: the order, or the denial.
         */
        BatchRow: {
            order: components["schemas"]["OrderRow"] | null;
            denied: components["schemas"]["DeniedRow"] | null;
        };
        /**
         * BlockedRow
         * @description A past order that a rule would have denied, and what came of it.
         */
        BlockedRow: {
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
            /**
             * Order Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            order_id: string;
            /**
             * Deployment
             * @description Empty for a person's order.
             * @example
             */
            deployment: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /**
             * State
             * @example filled
             */
            state: string;
            /**
             * Rule
             * @example max_position
             */
            rule: string;
            /**
             * Limit
             * @example 1000
             */
            limit: string;
            /**
             * Value
             * @example 1523.5
             */
            value: string;
            /**
             * Sentence
             * @example the position would be worth 1523.5, more than the 1000 allowed
             */
            sentence: string;
            /**
             * Profit
             * @description Of what it opened, realised and marked, after fees; null where it opened nothing.
             */
            profit: string | null;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Open
             * @description Quantity of it that is still held.
             * @example 67123.10
             */
            open: string;
            /**
             * Unpriced Fees
             * @description Fees in currencies of which no price is known: not in `profit`.
             */
            unpriced_fees: {
                [key: string]: string;
            };
        };
        /**
         * Book
         * @description A snapshot of the visible book; levels are [price, quantity], best first.
         */
        Book: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Update Id
             * @example 400900217
             */
            update_id: number;
            /**
             * Bids
             * @example [
             *       [
             *         "67123.10",
             *         "0.5"
             *       ]
             *     ]
             */
            bids: string[][];
            /**
             * Asks
             * @example [
             *       [
             *         "67123.20",
             *         "1.2"
             *       ]
             *     ]
             */
            asks: string[][];
        };
        /**
         * BookPage
         * @description Book snapshots, oldest first.
         */
        BookPage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["Book"][];
        };
        /**
         * CancelAllBody
         * @description Whose open orders shall be cancelled; ``symbol``: of one instrument only.
         */
        CancelAllBody: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol?: string | null;
        };
        /**
         * ChainNote
         * @description Something of an order's way that is not kept.
         */
        ChainNote: {
            /**
             * Code
             * @example intent
             */
            code: string;
            /**
             * Sentence
             * @example its intent is not kept
             */
            sentence: string;
        };
        /**
         * ChainStep
         * @description One thing that happened on an order's way.
         */
        ChainStep: {
            /**
             * Step
             * @enum {string}
             */
            step: "closed" | "received" | "decided" | "asked" | "sized" | "checked" | "sent" | "accepted" | "amended" | "filled" | "booked" | "lapsed" | "ended";
            /**
             * Code
             * @description Names what is said of it, for a reader's own words.
             * @example kline
             */
            code: string;
            /**
             * Values
             * @description What stands in that.
             * @example {
             *       "instrument": "binance:um:BTC-USDT-PERP"
             *     }
             */
            values: {
                [key: string]: string;
            };
            /**
             * Sentence
             * @example its frame came from the exchange
             */
            sentence: string;
            /**
             * Time Us
             * @description UTC microseconds; null where nobody wrote it down.
             * @example 1748736000012345
             */
            time_us: number | null;
            /**
             * Clock
             * @description Whose time it is; a gap between the two holds their difference.
             * @enum {string}
             */
            clock: "ours" | "venue";
            /**
             * Gap Us
             * @description Since the last step before it that has a time.
             * @example 1834
             */
            gap_us: number | null;
            /**
             * Facts
             * @description What stands beside it, by name.
             * @example {
             *       "equity": "10000",
             *       "position": "0"
             *     }
             */
            facts: {
                [key: string]: string;
            };
        };
        /**
         * CloseAllAnswer
         * @description The orders that close what was held, and why others were denied.
         */
        CloseAllAnswer: {
            /** Data */
            data: components["schemas"]["OrderRow"][];
            /**
             * Denied
             * @example []
             */
            denied: string[];
        };
        /**
         * ComparedMetric
         * @description One figure of each compared backtest, in the order that was asked for.
         */
        ComparedMetric: {
            /**
             * Name
             * @example sharpe
             */
            name: string;
            /**
             * Label
             * @example Sharpe
             */
            label: string;
            /**
             * Chinese
             * @example 夏普比率
             */
            chinese: string;
            /**
             * Group
             * @example risk
             */
            group: string;
            /**
             * Unit
             * @example ratio
             */
            unit: string;
            /**
             * Formula
             * @example mean(r) / std(r)
             */
            formula: string;
            /**
             * Values
             * @description null: not defined; `inf`.
             * @example [
             *       1.1,
             *       null
             *     ]
             */
            values: (number | string | null)[];
            /**
             * Reasons
             * @description Why a figure is not defined.
             * @example [
             *       "",
             *       "14 days; needs 90"
             *     ]
             */
            reasons: string[];
        };
        /**
         * ConnectionState
         * @description One live connection to a venue.
         */
        ConnectionState: {
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Connection
             * @example binance:um:market:1
             */
            connection: string;
            /**
             * State
             * @enum {string}
             */
            state: "connecting" | "live" | "stale" | "down" | "stopped";
            /**
             * Streams
             * @description Streams it carries.
             * @example 20
             */
            streams: number;
            /**
             * Since Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            since_ms: number;
            /**
             * Detail
             * @example
             */
            detail: string;
        };
        /**
         * CoverageList
         * @description Coverage of the stored streams.
         */
        CoverageList: {
            /**
             * Now Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            now_ms: number;
            /**
             * Total
             * @description Streams that match.
             * @example 12
             */
            total: number;
            /** Data */
            data: components["schemas"]["CoverageRow"][];
        };
        /**
         * CoverageRow
         * @description One stream's extent in the store.
         */
        CoverageRow: {
            /**
             * Stream
             * @description Full stream name.
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Kind
             * @example kline
             */
            kind: string;
            /**
             * Period
             * @description Empty for kinds other than kline.
             * @example 1m
             */
            period: string;
            /**
             * First Ms
             * @description Time of the first stored row; null when nothing is stored.
             * @example 1748736000000
             */
            first_ms: number | null;
            /**
             * Last Ms
             * @description Time of the last stored row; null when nothing is stored.
             * @example 1748739540000
             */
            last_ms: number | null;
            /**
             * Rows
             * @description Rows stored.
             * @example 525600
             */
            rows: number;
            /**
             * Expected
             * @description Klines that should exist from first to last; null for other kinds.
             * @example 525600
             */
            expected: number | null;
            /**
             * Coverage Percent
             * @description Rows of those expected; null for other kinds.
             * @example 100
             */
            coverage_percent: number | null;
            /**
             * Revised Rows
             * @description Klines that were restated by the venue.
             * @example 3
             */
            revised_rows: number;
            /**
             * Synthetic Rows
             * @description Klines made by us.
             * @example 0
             */
            synthetic_rows: number;
            /**
             * Days
             * @description Heat map, oldest first; empty unless `days` was asked for.
             */
            days: components["schemas"]["DayCount"][];
        };
        /**
         * DayCount
         * @description One cell of the coverage heat map.
         */
        DayCount: {
            /**
             * Day Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            day_ms: number;
            /**
             * Rows
             * @example 1440
             */
            rows: number;
            /**
             * Expected
             * @description Bars that should exist that day (listing, delisting and now known).
             * @example 1440
             */
            expected: number;
        };
        /**
         * DenialList
         * @description Denials, newest first.
         */
        DenialList: {
            /** Data */
            data: components["schemas"]["DenialRow"][];
        };
        /**
         * DenialRow
         * @description An order that risk control denied, with the rule, its limit and the value that broke it.
         */
        DenialRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Deployment
             * @example
             */
            deployment: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Rule
             * @example max_order_value
             */
            rule: string;
            /**
             * Limit
             * @example 10000
             */
            limit: string;
            /**
             * Value
             * @example 25000
             */
            value: string;
            /**
             * Sentence
             * @example the order's value 25000 is above the limit of 10000
             */
            sentence: string;
            /** Shadow */
            shadow: boolean;
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
        };
        /**
         * DeniedRow
         * @description Why an order was not sent.
         */
        DeniedRow: {
            /**
             * Rule
             * @example max_order_value
             */
            rule: string;
            /**
             * Limit
             * @example 10000
             */
            limit: string;
            /**
             * Value
             * @example 25000
             */
            value: string;
            /**
             * Sentence
             * @example the order's value 25000 is above the limit of 10000
             */
            sentence: string;
        };
        /**
         * DeploymentChangeRequest
         * @description What shall be different; what is left out stays.
         */
        DeploymentChangeRequest: {
            /**
             * Name
             * @example trend on BTC
             */
            name?: string | null;
            /**
             * Parameters
             * @example {
             *       "fast": 12
             *     }
             */
            parameters?: {
                [key: string]: unknown;
            } | null;
            /**
             * Instruments
             * @example [
             *       "binance:um:BTC-USDT-PERP"
             *     ]
             */
            instruments?: string[] | null;
            /**
             * Period
             * @example 1m
             */
            period?: string | null;
            /**
             * Account
             * @example
             */
            account?: string | null;
            /**
             * Allocation
             * @example 1000
             */
            allocation?: string | null;
            /**
             * Settings
             * @example {}
             */
            settings?: {
                [key: string]: unknown;
            } | null;
            /**
             * Note
             * @default
             * @example faster
             */
            note: string;
        };
        /**
         * DeploymentHistory
         * @description A deployment's changes, newest first.
         */
        DeploymentHistory: {
            /** Data */
            data: components["schemas"]["DeploymentHistoryRow"][];
        };
        /**
         * DeploymentHistoryRow
         * @description Who changed what; ``after`` is the deployment as it was then.
         */
        DeploymentHistoryRow: {
            /**
             * Version
             * @example 2
             */
            version: number;
            /**
             * At Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            at_ms: number;
            /**
             * Who
             * @example owner
             */
            who: string;
            /**
             * What
             * @example configured
             */
            what: string;
            /**
             * Note
             * @example
             */
            note: string;
            /**
             * After
             * @example {}
             */
            after: {
                [key: string]: unknown;
            };
        };
        /**
         * DeploymentList
         * @description The deployments.
         */
        DeploymentList: {
            /** Data */
            data: components["schemas"]["DeploymentRow"][];
        };
        /**
         * DeploymentRequest
         * @description A deployment to create. It does not run until it is started.
         */
        DeploymentRequest: {
            /**
             * Name
             * @example trend on BTC
             */
            name: string;
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Parameters
             * @default {}
             * @example {
             *       "fast": 10,
             *       "slow": 50
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Instruments
             * @example [
             *       "binance:um:BTC-USDT-PERP"
             *     ]
             */
            instruments: string[];
            /**
             * Period
             * @example 1m
             */
            period: string;
            /**
             * Account
             * @default
             * @example
             */
            account: string;
            /**
             * Allocation
             * @default 0
             * @example 1000
             */
            allocation: string;
            /**
             * Settings
             * @default {}
             * @example {}
             */
            settings: {
                [key: string]: unknown;
            };
        };
        /**
         * DeploymentRow
         * @description A strategy with parameters, account and allocation, and how it does.
         */
        DeploymentRow: {
            /**
             * Id
             * @example ABCDEFGHIJKLMNOPQRSTUVWXYZ
             */
            id: string;
            /**
             * Name
             * @example trend on BTC
             */
            name: string;
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Parameters
             * @example {
             *       "fast": 10,
             *       "slow": 50
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Code Hash
             * @description Of the strategy's code when it was created or configured.
             * @example 3f1c
             */
            code_hash: string;
            /**
             * Family
             * @description Of the code without its parameters.
             * @example 91ab
             */
            family: string;
            /**
             * Instruments
             * @example [
             *       "binance:um:BTC-USDT-PERP"
             *     ]
             */
            instruments: string[];
            /**
             * Period
             * @enum {string}
             */
            period: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Allocation
             * @description Exact decimal as text.
             * @example 67123.10
             */
            allocation: string;
            /**
             * Settings
             * @example {}
             */
            settings: {
                [key: string]: unknown;
            };
            /**
             * State
             * @enum {string}
             */
            state: "created" | "running" | "paused" | "stopped" | "failed";
            /**
             * Reason
             * @description Why it failed, in a sentence.
             * @example
             */
            reason: string;
            /**
             * Version
             * @description Grows with each change.
             * @example 1
             */
            version: number;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /**
             * Updated Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            updated_ms: number;
            /**
             * Running
             * @description While it runs: klines, decisions, signals, rebuilds, late_ms, pid, memory_bytes.
             * @example {
             *       "signals": 12
             *     }
             */
            running: {
                [key: string]: unknown;
            };
        };
        /**
         * Difference
         * @description Something in which the compared backtests differ.
         */
        Difference: {
            /**
             * Name
             * @example parameters.fast
             */
            name: string;
            /**
             * Values
             * @example [
             *       10,
             *       12
             *     ]
             */
            values: unknown[];
        };
        /**
         * EarnedRow
         * @description What a deployment earned with an instrument on a UTC day. Fees paid are negative.
         */
        EarnedRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Deployment
             * @description Empty for a person's own.
             * @example
             */
            deployment: string;
            /**
             * Instrument
             * @description Empty for what belongs to no trade.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Day Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            day_ms: number;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Realised
             * @description Exact decimal as text.
             * @example 67123.10
             */
            realised: string;
            /**
             * Fees
             * @description Exact decimal as text.
             * @example 67123.10
             */
            fees: string;
            /**
             * Funding
             * @description Exact decimal as text.
             * @example 67123.10
             */
            funding: string;
            /**
             * Other
             * @description Exact decimal as text.
             * @example 67123.10
             */
            other: string;
            /**
             * Total
             * @description Exact decimal as text.
             * @example 67123.10
             */
            total: string;
            /**
             * Trades
             * @example 4
             */
            trades: number;
        };
        /**
         * EquityCurveAnswer
         * @description Equity over time, as fine as it is kept for the whole range, oldest first.
         */
        EquityCurveAnswer: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Step Ms
             * @description 60000, 3600000 or 86400000.
             * @example 60000
             */
            step_ms: number;
            /**
             * Max Drawdown
             * @description Exact decimal as text.
             * @example 67123.10
             */
            max_drawdown: string;
            /** Data */
            data: components["schemas"]["EquityStepRow"][];
        };
        /**
         * EquityRow
         * @description An account's equity as risk control sees it: marked at the last prices, in the account's currency.
         */
        EquityRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Equity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            equity: string;
            /**
             * Peak
             * @description The highest ever, moved by what was paid in or out since.
             * @example 67123.10
             */
            peak: string;
            /**
             * Day Start
             * @description At the beginning of this UTC day, moved by what was paid in or out since.
             * @example 67123.10
             */
            day_start: string;
            /**
             * Margin Ratio
             * @description Maintenance margin over margin balance: 1 is liquidation.
             * @example 67123.10
             */
            margin_ratio: string;
            /**
             * Unexplained
             * @description Per currency what the venue owes beyond the books.
             * @example {}
             */
            unexplained: {
                [key: string]: string;
            };
            /**
             * Differing
             * @description Instruments of which venue and books hold different quantities.
             * @example []
             */
            differing: string[];
            /**
             * Compared
             * @description Whether books and venue were compared since the start.
             */
            compared: boolean;
        };
        /**
         * EquityStepRow
         * @description An account's equity in one step of time: the last figure, the lowest and the highest.
         */
        EquityStepRow: {
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
            /**
             * Equity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            equity: string;
            /**
             * Low
             * @description Exact decimal as text.
             * @example 67123.10
             */
            low: string;
            /**
             * High
             * @description Exact decimal as text.
             * @example 67123.10
             */
            high: string;
            /**
             * Paid In
             * @description What was there at the opening, plus transfers.
             * @example 67123.10
             */
            paid_in: string;
            /**
             * Profit
             * @description Equity beyond what was paid in.
             * @example 67123.10
             */
            profit: string;
            /**
             * Drawdown
             * @description Share by which the lowest is below the highest before it, transfers left out.
             * @example 67123.10
             */
            drawdown: string;
        };
        /**
         * FillList
         * @description Fills, newest first.
         */
        FillList: {
            /** Data */
            data: components["schemas"]["FillRow"][];
        };
        /**
         * FillRow
         * @description One execution, booked once.
         */
        FillRow: {
            /**
             * Trade Id
             * @example 7
             */
            trade_id: string;
            /**
             * Order Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            order_id: string;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            price: string;
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /**
             * Fee
             * @description Exact decimal as text.
             * @example 67123.10
             */
            fee: string;
            /**
             * Fee Currency
             * @example USDT
             */
            fee_currency: string;
            /** Maker */
            maker: boolean;
            /** Realised */
            realised?: string | null;
            /**
             * Deployment
             * @example
             */
            deployment: string;
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
        };
        /**
         * Funding
         * @description A funding settlement.
         */
        Funding: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Rate
             * @description Exact decimal as text.
             * @example 67123.10
             */
            rate: string;
            /**
             * Mark Price
             * @description Absent where the venue left it out.
             */
            mark_price?: string | null;
        };
        /**
         * FundingPage
         * @description Funding settlements, oldest first.
         */
        FundingPage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["Funding"][];
        };
        /**
         * GapList
         * @description Gaps that are open, and the recent life of those that are not.
         */
        GapList: {
            /**
             * Open
             * @description Gaps found, healing or failed.
             * @example 1
             */
            open: number;
            /**
             * Healed
             * @description Gaps healed since the process started.
             * @example 4
             */
            healed: number;
            /**
             * Data
             * @description Newest change first.
             */
            data: components["schemas"]["GapRow"][];
        };
        /**
         * GapRow
         * @description A range of klines that should exist and does not, and what became of it.
         */
        GapRow: {
            /**
             * Stream
             * @description Full stream name.
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Kind
             * @example kline
             */
            kind: string;
            /**
             * Period
             * @description Empty for kinds other than kline.
             * @example 1m
             */
            period: string;
            /**
             * Id
             * @description Stream and range; the same gap has the same id.
             * @example binance:um:BTC-USDT-PERP:kline:1m@1748736000000
             */
            id: string;
            /**
             * Start Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            start_ms: number;
            /**
             * End Ms
             * @description First instant after the gap.
             * @example 1748736300000
             */
            end_ms: number;
            /**
             * Missing
             * @description Klines that were missing when it was found.
             * @example 5
             */
            missing: number;
            /**
             * State
             * @description `closed` is a gap that was explained (maintenance, not listed): nothing to heal.
             * @enum {string}
             */
            state: "found" | "healing" | "healed" | "failed" | "closed";
            /**
             * Reason
             * @description Why it was looked for.
             * @example scan
             */
            reason: string;
            /**
             * Detail
             * @example healed from REST
             */
            detail: string;
            /**
             * Healed Rows
             * @example 5
             */
            healed_rows: number;
            /**
             * Found Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            found_ms: number;
            /**
             * Updated Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            updated_ms: number;
        };
        /**
         * GateRow
         * @description What speaks for or against believing a run; `unknown`: nobody checked.
         */
        GateRow: {
            /**
             * State
             * @enum {string}
             */
            state: "passed" | "failed" | "warning" | "unknown";
            /**
             * Text
             * @example 184 days
             */
            text: string;
            /**
             * Chinese
             * @description The same in Chinese; empty: as `text`.
             * @example 184 天
             */
            chinese: string;
        };
        /**
         * HealAnswer
         * @description What became of a heal command.
         */
        HealAnswer: {
            /**
             * Command Id
             * @example a1b2c3-1f
             */
            command_id: string;
            /**
             * Stream
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Start Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            start_ms: number;
            /**
             * End Ms
             * @example 1748736300000
             */
            end_ms: number;
            /**
             * State
             * @description `accepted` (202): not yet taken up; ask the location again.
             * @enum {string}
             */
            state: "accepted" | "healing" | "healed" | "failed" | "closed";
            /**
             * Rows
             * @description Rows fetched.
             * @example 5
             */
            rows: number;
            /**
             * Detail
             * @example
             */
            detail: string;
            /**
             * Location
             * @description Where to ask again.
             * @example /api/v1/gaps/commands/a1b2c3-1f
             */
            location: string;
        };
        /**
         * HealRequest
         * @description Which range to fetch again; a short symbol is accepted.
         */
        HealRequest: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /**
             * Market
             * @example um
             */
            market?: string | null;
            /**
             * Venue
             * @default binance
             * @example binance
             */
            venue: string;
            /**
             * Period
             * @default 1m
             * @example 1m
             */
            period: string;
            /**
             * Start Ms
             * @example 1748736000000
             */
            start_ms: number;
            /**
             * End Ms
             * @description First instant after the range.
             * @example 1748736300000
             */
            end_ms: number;
        };
        /**
         * Health
         * @description Is the process alive, and can it serve.
         */
        Health: {
            /**
             * Status
             * @example ok
             * @enum {string}
             */
            status: "ok" | "degraded" | "unavailable";
            /**
             * Environment
             * @description demo or live.
             * @example demo
             */
            environment: string;
            /**
             * Version
             * @example 0.1.0
             */
            version: string;
            /**
             * Uptime S
             * @example 12.5
             */
            uptime_s: number;
            /**
             * Checks
             * @description Check -> ok, or the sentence that says what is wrong.
             * @example {
             *       "market_store": "ok"
             *     }
             */
            checks: {
                [key: string]: string;
            };
        };
        /**
         * HistoryProgress
         * @description How far the wanted history is stored.
         */
        HistoryProgress: {
            /**
             * Wanted
             * @description Klines that are wanted.
             * @example 500000
             */
            wanted: number;
            /**
             * Stored
             * @description Klines of those that are stored.
             * @example 250000
             */
            stored: number;
            /**
             * Percent
             * @example 50
             */
            percent: number;
            /**
             * Done
             * @example false
             */
            done: boolean;
            /**
             * Figures
             * @example {
             *       "windows_open": 8
             *     }
             */
            figures?: {
                [key: string]: unknown;
            };
        };
        /**
         * IndicatorList
         * @description The registered indicators.
         */
        IndicatorList: {
            /** Data */
            data: components["schemas"]["IndicatorRow"][];
        };
        /**
         * IndicatorParameter
         * @description A parameter of an indicator; a bound that is null is none.
         */
        IndicatorParameter: {
            /**
             * Name
             * @example length
             */
            name: string;
            /**
             * Kind
             * @example int
             */
            kind: string;
            /**
             * Default
             * @example 20
             */
            default: number;
            /**
             * Low
             * @example 2
             */
            low: number | null;
            /**
             * High
             * @example 100000
             */
            high: number | null;
            /**
             * Doc
             * @example bars averaged
             */
            doc: string;
        };
        /**
         * IndicatorRow
         * @description A registered indicator.
         */
        IndicatorRow: {
            /**
             * Name
             * @example sma
             */
            name: string;
            /**
             * Group
             * @example overlap
             */
            group: string;
            /**
             * Doc
             * @example Simple moving average.
             */
            doc: string;
            /**
             * Inputs
             * @example [
             *       "close"
             *     ]
             */
            inputs: string[];
            /** Parameters */
            parameters: components["schemas"]["IndicatorParameter"][];
            /**
             * Outputs
             * @example [
             *       "sma"
             *     ]
             */
            outputs: string[];
            /**
             * Warm Up
             * @description Bars without a value at the default parameters.
             * @example 29
             */
            warm_up: number;
            /**
             * Recursive
             * @description Whether a value depends on all bars before it.
             * @example false
             */
            recursive: boolean;
            /**
             * Source
             * @description Where the formula is from.
             * @example TA-Lib
             */
            source: string;
            /**
             * Origin
             * @description built-in, or the module of a plugin.
             * @example built-in
             */
            origin: string;
        };
        /**
         * IndicatorSeries
         * @description An indicator over stored klines, oldest first; null in the warm-up.
         */
        IndicatorSeries: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Period
             * @enum {string}
             */
            period: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
            /**
             * Indicator
             * @description The canonical key.
             * @example sma(20)
             */
            indicator: string;
            /** Open Times */
            open_times: number[];
            /**
             * Outputs
             * @example {
             *       "sma": [
             *         67123.1
             *       ]
             *     }
             */
            outputs: {
                [key: string]: (number | null)[];
            };
            /**
             * Note
             * @description How many bars it needs, where there are fewer; empty: there are enough.
             * @example
             */
            note: string;
        };
        /**
         * InstrumentPage
         * @description Instruments by full name, registered ones first.
         */
        InstrumentPage: {
            /**
             * Total
             * @description Instruments that match.
             * @example 512
             */
            total: number;
            /**
             * Has More
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @example 100
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["InstrumentRow"][];
        };
        /**
         * InstrumentRow
         * @description An instrument with the rules of trading it, and whether we collect it.
         */
        InstrumentRow: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Base
             * @example BTC
             */
            base: string;
            /**
             * Quote
             * @example USDT
             */
            quote: string;
            /**
             * Settle
             * @example USDT
             */
            settle: string;
            /**
             * Tick Size
             * @description Exact decimal as text.
             * @example 67123.10
             */
            tick_size: string;
            /**
             * Lot Size
             * @description Exact decimal as text.
             * @example 67123.10
             */
            lot_size: string;
            /**
             * Min Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            min_quantity: string;
            /**
             * Min Notional
             * @description Exact decimal as text.
             * @example 67123.10
             */
            min_notional: string;
            /**
             * Contract Size
             * @description Exact decimal as text.
             * @example 67123.10
             */
            contract_size: string;
            /**
             * Inverse
             * @example false
             */
            inverse: boolean;
            /**
             * Status
             * @enum {string}
             */
            status: "trading" | "break" | "pre_trading" | "delivering" | "delisted";
            /**
             * Price Digits
             * @description Decimals to show a price with.
             * @example 2
             */
            price_digits: number;
            /**
             * Quantity Digits
             * @description Decimals to show a quantity with.
             * @example 3
             */
            quantity_digits: number;
            /**
             * Listed Ms
             * @example 1567964400000
             */
            listed_ms?: number | null;
            /**
             * Delisted Ms
             * @example null
             */
            delisted_ms?: number | null;
            /**
             * Registered
             * @description A registered pair: it is collected.
             * @example true
             */
            registered: boolean;
            /**
             * Periods
             * @description Periods that are collected.
             * @example [
             *       "1m",
             *       "1h"
             *     ]
             */
            periods: string[];
            /**
             * Last Price
             * @description Newest price seen live.
             */
            last_price?: string | null;
            /**
             * Change 24H Percent
             * @description Change to the open of 24 hours ago, where known.
             * @example -1.25
             */
            change_24h_percent?: number | null;
            /**
             * Volume 24H
             * @description 24-hour volume in base units, where known.
             */
            volume_24h?: string | null;
            /**
             * Quote Volume 24H
             * @description 24-hour volume in quote units, where known.
             */
            quote_volume_24h?: string | null;
            /**
             * Updated Ms
             * @description When the price was seen.
             * @example 1748736000000
             */
            updated_ms?: number | null;
        };
        /**
         * InstrumentTiers
         * @description The tiers of one instrument.
         */
        InstrumentTiers: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /** Tiers */
            tiers: components["schemas"]["MarginTierRow"][];
        };
        /**
         * JobList
         * @description Jobs, newest first, and how many there are per state.
         */
        JobList: {
            /** Data */
            data: components["schemas"]["JobRow"][];
            /**
             * Counts
             * @example {
             *       "done": 3,
             *       "queued": 1
             *     }
             */
            counts: {
                [key: string]: unknown;
            };
        };
        /**
         * JobRequest
         * @description A job to put into the queue. What `request` holds depends on the kind; docs/optimisation.md lists it.
         */
        JobRequest: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "backtest" | "sweep" | "optimize" | "walkforward" | "crossvalidate" | "montecarlo";
            /**
             * Request
             * @example {
             *       "data": {
             *         "market": "um",
             *         "period": "1h",
             *         "symbols": [
             *           "BTCUSDT"
             *         ]
             *       },
             *       "space": {
             *         "fast": "5:60:5",
             *         "slow": "20:200:5"
             *       },
             *       "strategy": "ma_cross"
             *     }
             */
            request: {
                [key: string]: unknown;
            };
            /**
             * Title
             * @default
             * @example
             */
            title: string;
            /**
             * Priority
             * @description Higher goes first.
             * @default 0
             * @example 0
             */
            priority: number;
        };
        /**
         * JobRow
         * @description A piece of heavy work and how far it is.
         */
        JobRow: {
            /**
             * Id
             * @example 19777e1c2003a1f
             */
            id: string;
            /**
             * Kind
             * @example sweep
             */
            kind: string;
            /**
             * Title
             * @example ma_cross, fast 12 x slow 37, BTC-USDT 1h
             */
            title: string;
            /**
             * State
             * @enum {string}
             */
            state: "queued" | "running" | "cancelling" | "done" | "failed" | "cancelled";
            /**
             * Progress
             * @description From 0 to 1.
             * @example 0.42
             */
            progress: number;
            /**
             * Done
             * @description In the job's own units.
             * @example 186
             */
            done: number;
            /**
             * Total
             * @description 0 while it is not known.
             * @example 444
             */
            total: number;
            /**
             * Text
             * @description What it does now, or what it counts.
             * @example combinations
             */
            text: string;
            /**
             * Error
             * @description Why it failed, in a sentence.
             * @example
             */
            error: string;
            /**
             * Attempts
             * @description Processes that have held it.
             * @example 1
             */
            attempts: number;
            /**
             * Priority
             * @example 0
             */
            priority: number;
            /**
             * Holder
             * @description Who works on it: host, process id, start.
             * @example host:4711:1748736000000
             */
            holder: string;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /** Started Ms */
            started_ms: number | null;
            /** Finished Ms */
            finished_ms: number | null;
            /**
             * Request
             * @example {
             *       "strategy": "ma_cross"
             *     }
             */
            request: {
                [key: string]: unknown;
            };
            /**
             * Result
             * @description Summary; `tables` and `backtests` name the rest.
             * @example {}
             */
            result: {
                [key: string]: unknown;
            };
        };
        /**
         * JournalEntryRow
         * @description A balanced entry: the sum of its postings is zero.
         */
        JournalEntryRow: {
            /**
             * Sequence
             * @example 12
             */
            sequence: number;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Deployment
             * @example
             */
            deployment: string;
            /**
             * Entry Id
             * @example fill:paper|binance:um:BTC-USDT-PERP|7
             */
            entry_id: string;
            /**
             * Reason
             * @example trade
             */
            reason: string;
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
            /** Postings */
            postings: components["schemas"]["PostingRow"][];
        };
        /**
         * JournalList
         * @description Entries, newest first.
         */
        JournalList: {
            /** Data */
            data: components["schemas"]["JournalEntryRow"][];
        };
        /**
         * KeyBody
         * @description A venue key. It is checked with the venue, refused when it can withdraw, and kept sealed; no answer shows it again.
         */
        KeyBody: {
            /** Key */
            key: string;
            /** Secret */
            secret: string;
            /**
             * Passphrase
             * @default
             */
            passphrase: string;
        };
        /**
         * KeyList
         * @description The keys.
         */
        KeyList: {
            /** Data */
            data: components["schemas"]["KeyRow"][];
        };
        /**
         * KeyRow
         * @description A venue key as far as it is shown: its beginning and its rights.
         */
        KeyRow: {
            /**
             * Account
             * @example main
             */
            account: string;
            /**
             * Prefix
             * @example vmPUZE
             */
            prefix: string;
            /** Enabled */
            enabled: boolean;
            /**
             * Permissions
             * @example {
             *       "read": true,
             *       "trade": true,
             *       "withdraw": false
             *     }
             */
            permissions: {
                [key: string]: unknown;
            };
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /**
             * Checked Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            checked_ms: number;
        };
        /**
         * KillAnswer
         * @description What was done.
         */
        KillAnswer: {
            /**
             * State
             * @enum {string}
             */
            state: "ACTIVE" | "REDUCING" | "HALTED";
            /**
             * Cancelled
             * @description Open orders that have ended.
             * @example 3
             */
            cancelled: number;
            /**
             * Closing
             * @description Orders sent to close what was held.
             * @example 2
             */
            closing: number;
            /**
             * Faults
             * @description What did not go.
             * @example []
             */
            faults: string[];
        };
        /**
         * KillBody
         * @description Why, and whether what is held shall be closed too.
         */
        KillBody: {
            /**
             * Reason
             * @default
             * @example something is wrong
             */
            reason: string;
            /**
             * Close
             * @description Also close every position, before the system is HALTED.
             * @default false
             */
            close: boolean;
        };
        /**
         * KlinePage
         * @description Klines, oldest first.
         */
        KlinePage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /**
             * Period
             * @enum {string}
             */
            period: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
            /** Data */
            data: components["schemas"]["KlineRow"][];
        };
        /**
         * KlineRow
         * @description One OHLCV row. The last four fields are present with ``ledger=true``.
         */
        KlineRow: {
            /**
             * Open Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            open_time: number;
            /**
             * Close Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            close_time: number;
            /**
             * Open
             * @description Exact decimal as text.
             * @example 67123.10
             */
            open: string;
            /**
             * High
             * @description Exact decimal as text.
             * @example 67123.10
             */
            high: string;
            /**
             * Low
             * @description Exact decimal as text.
             * @example 67123.10
             */
            low: string;
            /**
             * Close
             * @description Exact decimal as text.
             * @example 67123.10
             */
            close: string;
            /**
             * Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            volume: string;
            /**
             * Quote Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quote_volume: string;
            /**
             * Count
             * @description Trades in the bar.
             * @example 89
             */
            count: number;
            /**
             * Taker Buy Base Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            taker_buy_base_volume: string;
            /**
             * Taker Buy Quote Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            taker_buy_quote_volume: string;
            /**
             * Source
             * @description ws, rest, archive, import or derived.
             * @example ws
             */
            source?: string | null;
            /**
             * Revision
             * @description 0 as first seen; counts up with each restatement.
             * @example 0
             */
            revision?: number | null;
            /** First Seen Ms */
            first_seen_ms?: number | null;
            /**
             * Synthetic
             * @description Made by us, not by the venue.
             * @example false
             */
            synthetic?: boolean | null;
        };
        /**
         * LogLine
         * @description One log event.
         */
        LogLine: {
            /**
             * Time Ms
             * @example 1748736000000
             */
            time_ms: number | null;
            /**
             * Level
             * @example info
             */
            level: string;
            /**
             * Event
             * @example store.opened
             */
            event: string;
            /**
             * Logger
             * @example quantservice.adapters.market_store
             */
            logger: string;
            /**
             * Fields
             * @description Everything else the line says.
             * @example {
             *       "rows": 12
             *     }
             */
            fields: {
                [key: string]: unknown;
            };
        };
        /**
         * LogList
         * @description The end of the log, newest last.
         */
        LogList: {
            /** Data */
            data: components["schemas"]["LogLine"][];
        };
        /**
         * LoginRequest
         * @description The owner token.
         */
        LoginRequest: {
            /**
             * Token
             * Format: password
             * @example the-token-printed-at-start
             */
            token: string;
        };
        /**
         * MaintenanceRequest
         * @description What the operation needs; see ``qs <operation> --help``. Fields that are not needed are left out.
         */
        MaintenanceRequest: {
            /** Folder */
            folder?: string | null;
            /** File */
            file?: string | null;
            /** Symbol */
            symbol?: string | null;
            /** Market */
            market?: string | null;
            /** Venue */
            venue?: string | null;
            /** Period */
            period?: string | null;
            /** Flag Bad Rows */
            flag_bad_rows?: boolean | null;
            /** Kind */
            kind?: ("kline" | "trade") | null;
            /** Start Ms */
            start_ms?: number | null;
            /** End Ms */
            end_ms?: number | null;
        };
        /**
         * MarginTierBody
         * @description One tier; see `MarginTierRow`.
         */
        MarginTierBody: {
            /**
             * From Ms
             * @default 0
             * @example 0
             */
            from_ms: number;
            /**
             * Floor
             * @example 0
             */
            floor: string;
            /**
             * Cap
             * @example 50000
             */
            cap?: string | null;
            /**
             * Maintenance Rate
             * @example 0.004
             */
            maintenance_rate: string;
            /**
             * Max Leverage
             * @example 125
             */
            max_leverage: string;
        };
        /**
         * MarginTierList
         * @description Margin tiers by instrument.
         */
        MarginTierList: {
            /** Data */
            data: components["schemas"]["InstrumentTiers"][];
        };
        /**
         * MarginTierRow
         * @description One tier of notional.
         */
        MarginTierRow: {
            /**
             * From Ms
             * @description Holds from then on, UTC milliseconds; 0: always.
             * @example 0
             */
            from_ms: number;
            /**
             * Floor
             * @description Notional in quote; of inverse contracts in coin.
             * @example 0
             */
            floor: string;
            /**
             * Cap
             * @description null: the next tier's floor.
             * @example 50000
             */
            cap: string | null;
            /**
             * Maintenance Rate
             * @description Exact decimal as text.
             * @example 0.004
             */
            maintenance_rate: string;
            /**
             * Max Leverage
             * @description Exact decimal as text.
             * @example 125
             */
            max_leverage: string;
        };
        /**
         * MarginTiersBody
         * @description Tiers by any of the instruments' names.
         */
        MarginTiersBody: {
            /**
             * Tiers
             * @example {
             *       "BTCUSDT": [
             *         {
             *           "floor": "0",
             *           "from_ms": 0,
             *           "maintenance_rate": "0.004",
             *           "max_leverage": "125"
             *         }
             *       ]
             *     }
             */
            tiers: {
                [key: string]: components["schemas"]["MarginTierBody"][];
            };
            /**
             * Venue
             * @default binance
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @example um
             */
            market?: string | null;
        };
        /**
         * MarkPricePage
         * @description Mark prices, oldest first.
         */
        MarkPricePage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["MarkPriceRow"][];
        };
        /**
         * MarkPriceRow
         * @description Mark and index price, with the expected funding rate.
         */
        MarkPriceRow: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Mark Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            mark_price: string;
            /** Index Price */
            index_price?: string | null;
            /** Funding Rate */
            funding_rate?: string | null;
            /**
             * Next Funding Time
             * @description UTC milliseconds; 0 where there is none.
             * @default 0
             * @example 1748764800000
             */
            next_funding_time: number;
        };
        /**
         * MetricList
         * @description The figures, in the order of reports.
         */
        MetricList: {
            /** Data */
            data: components["schemas"]["MetricRow"][];
        };
        /**
         * MetricRow
         * @description A figure that a backtest can have.
         */
        MetricRow: {
            /**
             * Name
             * @example sharpe
             */
            name: string;
            /**
             * Label
             * @example Sharpe
             */
            label: string;
            /**
             * Chinese
             * @example 夏普比率
             */
            chinese: string;
            /**
             * Group
             * @example risk
             */
            group: string;
            /**
             * Unit
             * @description fraction, ratio, quote, count, days …
             * @example ratio
             */
            unit: string;
            /**
             * Formula
             * @example mean(r) / std(r)
             */
            formula: string;
            /**
             * Sampling
             * @description What one observation is.
             * @example UTC day
             */
            sampling: string;
            /**
             * Swept
             * @description Whether the combinations of a sweep have it.
             * @example true
             */
            swept: boolean;
        };
        /**
         * OfferRow
         * @description What an order costs at one account, as shares of its value, or why it cannot take it.
         */
        OfferRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /** Takes */
            takes: boolean;
            /** Chosen */
            chosen: boolean;
            /**
             * Price
             * @description By how much its middle price is worse than the best one's.
             * @example 67123.10
             */
            price: string;
            /**
             * Spread
             * @description Half of it.
             * @example 67123.10
             */
            spread: string;
            /**
             * Impact
             * @description What its size moves.
             * @example 67123.10
             */
            impact: string;
            /**
             * Fee
             * @description Exact decimal as text.
             * @example 67123.10
             */
            fee: string;
            /**
             * Cost
             * @description The sum.
             * @example 67123.10
             */
            cost: string;
            /**
             * Amount
             * @description The sum as money of `currency`.
             * @example 67123.10
             */
            amount: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Sentence
             * @example 0.06 % in all (fee 0.05 %, half the spread 0.01 %)
             */
            sentence: string;
        };
        /**
         * OpenInterestPage
         * @description Open interest, oldest first.
         */
        OpenInterestPage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["OpenInterestRow"][];
        };
        /**
         * OpenInterestRow
         * @description Open interest at an instant, in base units (um) or contracts (cm).
         */
        OpenInterestRow: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Open Interest
             * @description Exact decimal as text.
             * @example 67123.10
             */
            open_interest: string;
        };
        /**
         * OrderBody
         * @description An order to place. What risk control denies is answered with its rule, limit and value, and nothing is sent.
         *
         *     It names its account, or says `route`: then it goes to the account (of `accounts`, or of all) that takes it at the least cost.
         */
        OrderBody: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /** Market */
            market?: ("spot" | "um" | "cm" | "dex") | null;
            /**
             * Side
             * @example buy
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 0.05
             */
            quantity: string;
            /**
             * Type
             * @default market
             * @enum {string}
             */
            type: "market" | "limit" | "stop" | "stop_limit" | "take_profit";
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @default GTC
             * @enum {string}
             */
            time_in_force: "GTC" | "IOC" | "FOK";
            /**
             * Post Only
             * @default false
             */
            post_only: boolean;
            /**
             * Reduce Only
             * @default false
             */
            reduce_only: boolean;
            /**
             * Account
             * @default
             * @example paper
             */
            account: string;
            /**
             * Deadline S
             * @description So many seconds later the platform cancels what is left of an order that rests; null: never.
             * @example 3600
             */
            deadline_s?: number | null;
            /**
             * Route
             * @default false
             */
            route: boolean;
            /**
             * Accounts
             * @description With `route`: only among these.
             * @default []
             * @example []
             */
            accounts: string[];
            /**
             * Risk
             * @description Rules of this order alone, besides those in force: rule name to its parameters.
             * @example {
             *       "max_order_value": {
             *         "limit": "5000"
             *       }
             *     }
             */
            risk?: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
        };
        /**
         * OrderChain
         * @description From the exchange's frame to the entry in the books: an order's steps, each with its time.
         */
        OrderChain: {
            /**
             * Order Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            order_id: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Origin
             * @enum {string}
             */
            origin: "strategy" | "person" | "protection" | "algorithm" | "outside";
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Deployment
             * @description Its name; empty for a person's own.
             * @example trend
             */
            deployment: string;
            /**
             * State
             * @example filled
             */
            state: string;
            /** Steps */
            steps: components["schemas"]["ChainStep"][];
            /**
             * Missing
             * @description What of it is not kept.
             * @example []
             */
            missing: components["schemas"]["ChainNote"][];
        };
        /**
         * OrderList
         * @description Orders, newest first.
         */
        OrderList: {
            /** Data */
            data: components["schemas"]["OrderRow"][];
        };
        /**
         * OrderRow
         * @description An order as it is known now. ``external``: not ours by origin.
         */
        OrderRow: {
            /**
             * Order Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            order_id: string;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Type
             * @example limit
             */
            type: string;
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @example GTC
             */
            time_in_force: string;
            /**
             * Expire Ms
             * @description When the platform cancels what is left, UTC milliseconds.
             * @example null
             */
            expire_ms?: number | null;
            /** Reduce Only */
            reduce_only: boolean;
            /**
             * State
             * @description submitting, unknown, open, amending, filled, cancelled, expired, rejected, not_sent.
             * @example filled
             */
            state: string;
            /**
             * Filled
             * @description Exact decimal as text.
             * @example 67123.10
             */
            filled: string;
            /** Average Price */
            average_price?: string | null;
            /**
             * Purpose
             * @example manual
             */
            purpose: string;
            /**
             * Deployment
             * @description Empty for a person's own.
             * @example
             */
            deployment: string;
            /** External */
            external: boolean;
            /**
             * Venue Order Id
             * @example 12
             */
            venue_order_id: string;
            /**
             * Evidence
             * @description Where its state was read: answer, push, query, open_orders, fills, absence, local.
             * @example answer
             */
            evidence: string;
            /**
             * Reason
             * @example
             */
            reason: string;
            amendment?: components["schemas"]["AmendmentRow"] | null;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
        };
        /**
         * PairList
         * @description The registered pairs.
         */
        PairList: {
            /** Data */
            data: components["schemas"]["PairRow"][];
        };
        /**
         * PairRequest
         * @description A pair to collect. An existing one is changed.
         */
        PairRequest: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /**
             * Market
             * @example um
             */
            market?: string | null;
            /**
             * Venue
             * @default binance
             * @example binance
             */
            venue: string;
            /**
             * Periods
             * @description Default: the setting collect.periods.
             * @example [
             *       "1m",
             *       "1h"
             *     ]
             */
            periods?: string[] | null;
            /**
             * Kinds
             * @description Default: the setting collect.kinds.
             * @example [
             *       "kline"
             *     ]
             */
            kinds?: string[] | null;
            /**
             * Enabled
             * @default true
             * @example true
             */
            enabled: boolean;
            /**
             * History Start Ms
             * @example 1748736000000
             */
            history_start_ms?: number | null;
        };
        /**
         * PairRow
         * @description A registered pair: what is collected.
         */
        PairRow: {
            /**
             * Id
             * @example 1
             */
            id: number;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Periods
             * @example [
             *       "1m",
             *       "1h"
             *     ]
             */
            periods: string[];
            /**
             * Kinds
             * @example [
             *       "kline"
             *     ]
             */
            kinds: string[];
            /**
             * Enabled
             * @example true
             */
            enabled: boolean;
            /**
             * History Start Ms
             * @description How far back klines are wanted.
             * @example null
             */
            history_start_ms: number | null;
        };
        /**
         * ParityDivergence
         * @description One place where a run and its backtest part.
         */
        ParityDivergence: {
            /**
             * Kind
             * @description What was decided, or what became of the same decision.
             * @enum {string}
             */
            kind: "decision" | "outcome";
            /**
             * Cause
             * @enum {string}
             */
            cause: "late_kline" | "revised_kline" | "late_funding" | "slippage" | "reject" | "downtime" | "paused" | "code_changed" | "unexplained";
            /**
             * Open Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            open_time: number;
            /**
             * Close Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            close_time: number;
            /**
             * Live
             * @description What the run did.
             * @example BTC-USDT-PERP 1
             */
            live: string;
            /**
             * Backtest
             * @description What the backtester does.
             * @example BTC-USDT-PERP 0
             */
            backtest: string;
            /**
             * Detail
             * @description Why, in a sentence.
             * @example the strategy's process was away when it closed
             */
            detail: string;
            /**
             * Order Id
             * @description The order, where one is meant.
             * @example
             */
            order_id: string;
        };
        /**
         * ParityFillError
         * @description How far fills were from the fill model's: basis points of the price, positive is worse; fees of the notional.
         */
        ParityFillError: {
            /**
             * Compared
             * @description Orders that were filled by both.
             * @example 120
             */
            compared: number;
            /**
             * Unmodelled
             * @description Filled live, without a modelled fill.
             * @example 0
             */
            unmodelled: number;
            /**
             * Mean Bps
             * @example 0.4
             */
            mean_bps: number;
            /**
             * Mean Abs Bps
             * @example 0.9
             */
            mean_abs_bps: number;
            /**
             * Worst Bps
             * @example 3.1
             */
            worst_bps: number;
            /**
             * Fee Mean Bps
             * @example 0
             */
            fee_mean_bps: number;
        };
        /**
         * ParityReport
         * @description A deployment's run against the backtester's, venue outcomes as they were.
         */
        ParityReport: {
            /**
             * Run
             * @example ABCDEFGHIJKLMNOPQRSTUVWXYZ
             */
            run: string;
            /**
             * Name
             * @example trend on BTC
             */
            name: string;
            /**
             * Strategy
             * @example ma_cross
             */
            strategy: string;
            /**
             * Closes
             * @description Times that the strategy was asked live.
             * @example 600
             */
            closes: number;
            /**
             * Decisions
             * @description Closes at which it, or the backtester, stated something.
             * @example 560
             */
            decisions: number;
            /**
             * Identical
             * @description Those at which both stated the same.
             * @example 560
             */
            identical: number;
            /**
             * Missed
             * @description Those at which only the backtester was asked.
             * @example 0
             */
            missed: number;
            /**
             * Share
             * @description identical / decisions; null where there are none.
             * @example 1
             */
            share: number | null;
            /**
             * First Open
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            first_open: number;
            /**
             * Last Open
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            last_open: number;
            /**
             * Memories
             * @description Times that the strategy began anew.
             * @example 1
             */
            memories: number;
            /**
             * Restarts
             * @description Times that it went on from its saved memory.
             * @example 1
             */
            restarts: number;
            /**
             * Orders
             * @example 120
             */
            orders: number;
            /**
             * Fills
             * @example 120
             */
            fills: number;
            fill_error: components["schemas"]["ParityFillError"];
            /**
             * Causes
             * @description Divergences by cause.
             * @example {
             *       "slippage": 2
             *     }
             */
            causes: {
                [key: string]: number;
            };
            /** @description The first divergence of either kind. */
            first: components["schemas"]["ParityDivergence"] | null;
            /** @description The first decision that is not the same. */
            first_decision: components["schemas"]["ParityDivergence"] | null;
            /**
             * Divergences
             * @description The first hundred.
             */
            divergences: components["schemas"]["ParityDivergence"][];
            /**
             * Code Changed
             * @description The strategy's code is not what it was.
             * @example false
             */
            code_changed: boolean;
        };
        /**
         * PlacedOrder
         * @description The order that was placed; with `route` also what it would cost at each account, cheapest first.
         */
        PlacedOrder: {
            /**
             * Order Id
             * @example 3XM5VA67E2UEYEG4NC3GJKXJMA
             */
            order_id: string;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Type
             * @example limit
             */
            type: string;
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @example GTC
             */
            time_in_force: string;
            /**
             * Expire Ms
             * @description When the platform cancels what is left, UTC milliseconds.
             * @example null
             */
            expire_ms?: number | null;
            /** Reduce Only */
            reduce_only: boolean;
            /**
             * State
             * @description submitting, unknown, open, amending, filled, cancelled, expired, rejected, not_sent.
             * @example filled
             */
            state: string;
            /**
             * Filled
             * @description Exact decimal as text.
             * @example 67123.10
             */
            filled: string;
            /** Average Price */
            average_price?: string | null;
            /**
             * Purpose
             * @example manual
             */
            purpose: string;
            /**
             * Deployment
             * @description Empty for a person's own.
             * @example
             */
            deployment: string;
            /** External */
            external: boolean;
            /**
             * Venue Order Id
             * @example 12
             */
            venue_order_id: string;
            /**
             * Evidence
             * @description Where its state was read: answer, push, query, open_orders, fills, absence, local.
             * @example answer
             */
            evidence: string;
            /**
             * Reason
             * @example
             */
            reason: string;
            amendment?: components["schemas"]["AmendmentRow"] | null;
            /**
             * Created Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            created_ms: number;
            /**
             * Route
             * @description null without `route`, and where the order was there already.
             */
            route?: components["schemas"]["OfferRow"][] | null;
        };
        /**
         * PortfolioAnswer
         * @description Equity by account, and what was earned by deployment, instrument and day.
         */
        PortfolioAnswer: {
            /** Equity */
            equity: components["schemas"]["EquityRow"][];
            /** Earned */
            earned: components["schemas"]["EarnedRow"][];
        };
        /**
         * PositionGapRow
         * @description A leg of which the venue held another quantity than the books.
         */
        PositionGapRow: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @example both
             */
            side: string;
            /**
             * Booked
             * @description Exact decimal as text.
             * @example 67123.10
             */
            booked: string;
            /**
             * Venue
             * @description Exact decimal as text.
             * @example 67123.10
             */
            venue: string;
        };
        /**
         * PositionList
         * @description Positions that are not flat.
         */
        PositionList: {
            /** Data */
            data: components["schemas"]["PositionRow"][];
        };
        /**
         * PositionRow
         * @description What is held: by an account, or of it by a deployment.
         */
        PositionRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Deployment
             * @description Empty for the account's own.
             * @example
             */
            deployment: string;
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Side
             * @example both
             */
            side: string;
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /** Average Entry */
            average_entry?: string | null;
            /**
             * Realised
             * @description Exact decimal as text.
             * @example 67123.10
             */
            realised: string;
            /**
             * Updated Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            updated_ms: number;
        };
        /**
         * PostingRow
         * @description One side of an entry.
         */
        PostingRow: {
            /**
             * Account
             * @example wallet
             */
            account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Amount
             * @description Exact decimal as text.
             * @example 67123.10
             */
            amount: string;
        };
        /**
         * PreflightFinding
         * @description One thing that was looked at.
         */
        PreflightFinding: {
            /**
             * Check
             * @example clock
             */
            check: string;
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "ok" | "warning" | "failed";
            /**
             * Sentence
             * @example this machine's clock and the venue's are 12 ms apart
             */
            sentence: string;
        };
        /**
         * PreflightReport
         * @description What was found before an account trades for real; `outcome` is the worst of it.
         */
        PreflightReport: {
            /**
             * Account
             * @example main
             */
            account: string;
            /**
             * Mode
             * @enum {string}
             */
            mode: "paper" | "live";
            /**
             * Outcome
             * @enum {string}
             */
            outcome: "ok" | "warning" | "failed";
            /** Findings */
            findings: components["schemas"]["PreflightFinding"][];
        };
        /**
         * ProtectionRow
         * @description A rule as one account or deployment has it: a deployment's goes before its account's, and that before the system's.
         */
        ProtectionRow: {
            /**
             * Scope
             * @enum {string}
             */
            scope: "account" | "deployment";
            /**
             * Key
             * @description The account or deployment.
             * @example paper
             */
            key: string;
            /**
             * Name
             * @example stop_loss
             */
            name: string;
            /**
             * Mode
             * @enum {string}
             */
            mode: "enforced" | "off";
            /**
             * Parameters
             * @example {
             *       "limit": "0.03"
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
        };
        /**
         * ProxyList
         * @description The registered proxies.
         */
        ProxyList: {
            /** Data */
            data: components["schemas"]["ProxyRow"][];
        };
        /**
         * ProxyRequest
         * @description A proxy to use for REST and WebSocket.
         */
        ProxyRequest: {
            /**
             * Scheme
             * @example socks5
             * @enum {string}
             */
            scheme: "socks5" | "http";
            /**
             * Host
             * @example 127.0.0.1
             */
            host: string;
            /**
             * Port
             * @example 1080
             */
            port: number;
            /**
             * Username
             * @default
             * @example
             */
            username: string;
            /**
             * Password
             * Format: password
             * @default
             * @example
             */
            password: string;
            /**
             * Enabled
             * @default true
             * @example true
             */
            enabled: boolean;
        };
        /**
         * ProxyRow
         * @description An egress proxy. Its password is never shown.
         */
        ProxyRow: {
            /**
             * Id
             * @example 1
             */
            id: number;
            /**
             * Scheme
             * @example socks5
             */
            scheme: string;
            /**
             * Host
             * @example 127.0.0.1
             */
            host: string;
            /**
             * Port
             * @example 1080
             */
            port: number;
            /**
             * Username
             * @example
             */
            username: string;
            /**
             * Has Password
             * @example false
             */
            has_password: boolean;
            /**
             * Enabled
             * @example true
             */
            enabled: boolean;
            /**
             * Failures
             * @example 0
             */
            failures: number;
            /**
             * Cooldown Until Ms
             * @description 0: none.
             * @example 0
             */
            cooldown_until_ms: number;
        };
        /**
         * QueueState
         * @description One bounded queue of the bus.
         */
        QueueState: {
            /**
             * Group
             * @example recorder
             */
            group: string;
            /**
             * Topics
             * @example [
             *       "market.live"
             *     ]
             */
            topics: string[];
            /**
             * Overflow
             * @description block, conflate or drop_oldest.
             * @example block
             */
            overflow: string;
            /**
             * Capacity
             * @example 20000
             */
            capacity: number;
            /**
             * Depth
             * @example 12
             */
            depth: number;
            /**
             * Delivered
             * @example 120000
             */
            delivered: number;
            /**
             * Conflated
             * @example 0
             */
            conflated: number;
            /**
             * Dropped
             * @example 0
             */
            dropped: number;
        };
        /**
         * QuotaBody
         * @description What shall be different; what is left out stays. 0 is no limit.
         */
        QuotaBody: {
            /**
             * Max Position
             * @example 20000
             */
            max_position?: string | null;
            /**
             * Orders Per Day
             * @example 200
             */
            orders_per_day?: number | null;
        };
        /**
         * QuotaList
         * @description Allocation by account, quotas and their use by deployment.
         */
        QuotaList: {
            /** Accounts */
            accounts: components["schemas"]["AllocationRow"][];
            /** Data */
            data: components["schemas"]["QuotaRow"][];
        };
        /**
         * QuotaRow
         * @description What a deployment was allotted and may use (0: no limit), and what it uses now.
         */
        QuotaRow: {
            /**
             * Deployment
             * @description Its id.
             * @example ABCDEFGHIJKLMNOPQRSTUVWXYZ
             */
            deployment: string;
            /**
             * Name
             * @example trend on BTC
             */
            name: string;
            /**
             * State
             * @example running
             */
            state: string;
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Allocation
             * @description Exact decimal as text.
             * @example 67123.10
             */
            allocation: string;
            /**
             * Gross
             * @description Value of all its positions, everything in flight counted at its worst.
             * @example 67123.10
             */
            gross: string;
            /**
             * Max Position
             * @description Most that its position in any one instrument may be worth.
             * @example 67123.10
             */
            max_position: string;
            /**
             * Largest
             * @description What its largest position is worth, counted the same way.
             * @example 67123.10
             */
            largest: string;
            /**
             * Orders Per Day
             * @example 200
             */
            orders_per_day: number;
            /**
             * Orders Today
             * @description Since 00:00 UTC.
             * @example 12
             */
            orders_today: number;
        };
        /**
         * QuotePage
         * @description Best bids and asks, oldest first.
         */
        QuotePage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["QuoteRow"][];
        };
        /**
         * QuoteRow
         * @description Best bid and ask.
         */
        QuoteRow: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Update Id
             * @example 400900217
             */
            update_id: number;
            /**
             * Bid Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            bid_price: string;
            /**
             * Bid Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            bid_quantity: string;
            /**
             * Ask Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            ask_price: string;
            /**
             * Ask Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            ask_quantity: string;
        };
        /**
         * RehearsalAnswer
         * @description What rules would have done to an account's past orders.
         */
        RehearsalAnswer: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Start Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            start_ms: number;
            /**
             * End Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            end_ms: number;
            /**
             * Judged
             * @description Orders that the rules were asked of.
             * @example 120
             */
            judged: number;
            /**
             * Left Out
             * @description Orders of others, or of instruments whose rules are not known any more.
             * @example 0
             */
            left_out: number;
            /**
             * Without Price
             * @description Judged where no price was known yet: a market order is worth nothing then.
             * @example 0
             */
            without_price: number;
            /**
             * Sentence
             * @example would have blocked 14 of 120 orders: saved 12.30, cost 4.50 USDT
             */
            sentence: string;
            together: components["schemas"]["RehearsalRule"];
            /** Rules */
            rules: components["schemas"]["RehearsalRule"][];
            /**
             * Blocked
             * @description Newest first; once for every rule that blocks it.
             */
            blocked: components["schemas"]["BlockedRow"][];
            /** Unasked */
            unasked: components["schemas"]["UnaskedRule"][];
        };
        /**
         * RehearsalMoney
         * @description What blocking would have been worth in one currency, after fees.
         */
        RehearsalMoney: {
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Saved
             * @description Losses that would have been avoided.
             * @example 67123.10
             */
            saved: string;
            /**
             * Cost
             * @description Profits that would have been forgone.
             * @example 67123.10
             */
            cost: string;
        };
        /**
         * RehearsalRule
         * @description One rule's part; of all rules together (empty name) an order counts once.
         */
        RehearsalRule: {
            /**
             * Name
             * @example max_position
             */
            name: string;
            /**
             * Parameters
             * @example {
             *       "limit": "1000"
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Blocked
             * @description Orders that it would have denied.
             * @example 14
             */
            blocked: number;
            /**
             * Closing
             * @description Of these, those that opened nothing: no money is counted for them.
             * @example 0
             */
            closing: number;
            /** Money */
            money: components["schemas"]["RehearsalMoney"][];
        };
        /**
         * Removed
         * @description What was removed.
         */
        Removed: {
            /**
             * Removed
             * @example binance:um:BTC-USDT-PERP
             */
            removed: string;
        };
        /**
         * RevisionList
         * @description Restated klines; with a symbol from the store, without one those seen since the process started.
         */
        RevisionList: {
            /**
             * Data
             * @description Newest first.
             */
            data: components["schemas"]["RevisionRow"][];
        };
        /**
         * RevisionRow
         * @description One revision of a restated kline.
         */
        RevisionRow: {
            /**
             * Stream
             * @description Full stream name.
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Kind
             * @example kline
             */
            kind: string;
            /**
             * Period
             * @description Empty for kinds other than kline.
             * @example 1m
             */
            period: string;
            /**
             * Open Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            open_time: number;
            /**
             * Revision
             * @example 1
             */
            revision: number;
            /**
             * Source
             * @example rest
             */
            source: string;
            /**
             * Synthetic
             * @example false
             */
            synthetic: boolean;
            /**
             * First Seen Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            first_seen_ms: number;
            /**
             * Open
             * @example 67123.10
             */
            open: string;
            /**
             * High
             * @example 67130.00
             */
            high: string;
            /**
             * Low
             * @example 67100.00
             */
            low: string;
            /**
             * Close
             * @example 67110.20
             */
            close: string;
            /**
             * Volume
             * @example 125.45
             */
            volume: string;
        };
        /**
         * RiskAnswer
         * @description States and rules as they are in force.
         */
        RiskAnswer: {
            /**
             * State
             * @description Of the whole system.
             * @enum {string}
             */
            state: "ACTIVE" | "REDUCING" | "HALTED";
            /** States */
            states: components["schemas"]["RiskStateRow"][];
            /** Rules */
            rules: components["schemas"]["RiskRuleRow"][];
            /**
             * Protection
             * @description Rules that accounts and deployments have of their own.
             */
            protection: components["schemas"]["ProtectionRow"][];
        };
        /**
         * RiskParameter
         * @description A rule's limit or window.
         */
        RiskParameter: {
            /**
             * Value
             * @example 0.8
             */
            value: unknown;
            /**
             * Default
             * @example 0.8
             */
            default: unknown;
            /**
             * Doc
             * @example a share of equity
             */
            doc: string;
        };
        /**
         * RiskRuleBody
         * @description How a rule shall be asked; parameters that are not given stay.
         *
         *     A rule of positions, and cooldown, may be set for one account or deployment (``scope`` and ``key``); there ``inherit`` forgets
         *     what was set.
         */
        RiskRuleBody: {
            /**
             * Mode
             * @default enforced
             * @enum {string}
             */
            mode: "enforced" | "shadow" | "off" | "inherit";
            /**
             * Scope
             * @default system
             * @enum {string}
             */
            scope: "system" | "account" | "deployment";
            /**
             * Key
             * @default
             * @example paper
             */
            key: string;
            /**
             * Parameters
             * @default {}
             * @example {
             *       "limit": "0.5"
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
        };
        /**
         * RiskRuleRow
         * @description A question asked of every order before it is sent, or of every open position whenever its price moves.
         */
        RiskRuleRow: {
            /**
             * Name
             * @example max_exposure
             */
            name: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "order" | "position";
            /**
             * Doc
             * @example Gross value of all positions, with everything in flight, as a share of equity.
             */
            doc: string;
            /**
             * Own
             * @description Whether one account or deployment may have it of its own.
             * @example false
             */
            own: boolean;
            /**
             * Mode
             * @description enforced denies, shadow is only noted, off is not asked.
             * @enum {string}
             */
            mode: "enforced" | "shadow" | "off";
            /** Parameters */
            parameters: {
                [key: string]: components["schemas"]["RiskParameter"];
            };
            /**
             * Denied
             * @description Orders that it denied in the last 24 hours.
             * @example 2
             */
            denied: number;
            /**
             * Noted
             * @description Orders that it would have denied in the last 24 hours, on trial.
             * @example 14
             */
            noted: number;
            /**
             * Unasked
             * @description Why it cannot be asked of past orders; empty where it can.
             * @example
             */
            unasked: string;
        };
        /**
         * RiskStateBody
         * @description A state to set.
         */
        RiskStateBody: {
            /**
             * Scope
             * @default system
             * @enum {string}
             */
            scope: "system" | "account" | "deployment";
            /**
             * Key
             * @default
             * @example paper
             */
            key: string;
            /**
             * State
             * @enum {string}
             */
            state: "ACTIVE" | "REDUCING" | "HALTED";
            /**
             * Reason
             * @default
             * @example a bad fill, looked at first
             */
            reason: string;
        };
        /**
         * RiskStateRow
         * @description A state that survives restarts. What has none is ACTIVE; of several the strictest counts.
         */
        RiskStateRow: {
            /**
             * Scope
             * @enum {string}
             */
            scope: "system" | "account" | "deployment";
            /**
             * Key
             * @description The account or deployment; empty for the system.
             * @example paper
             */
            key: string;
            /**
             * State
             * @enum {string}
             */
            state: "ACTIVE" | "REDUCING" | "HALTED";
            /**
             * Reason
             * @example a bad fill, looked at first
             */
            reason: string;
            /**
             * Who
             * @example owner
             */
            who: string;
            /**
             * Since Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            since_ms: number;
        };
        /**
         * RollBackRequest
         * @description The version that shall come back.
         */
        RollBackRequest: {
            /**
             * Version
             * @example 1
             */
            version: number;
        };
        /**
         * RotationAnswer
         * @description What a rotation of the master key did.
         */
        RotationAnswer: {
            /**
             * Version
             * @description Version of the master key that is in use now.
             * @example 2
             */
            version: number;
            /**
             * Rewrapped
             * @description Venue keys that were sealed under it.
             * @example 3
             */
            rewrapped: number;
        };
        /**
         * RouteBody
         * @description An order whose cost is asked for; it is not placed.
         */
        RouteBody: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /** Market */
            market?: ("spot" | "um" | "cm" | "dex") | null;
            /**
             * Side
             * @example buy
             * @enum {string}
             */
            side: "buy" | "sell";
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 0.05
             */
            quantity: string;
            /**
             * Type
             * @default market
             * @enum {string}
             */
            type: "market" | "limit" | "stop" | "stop_limit" | "take_profit";
            /** Limit Price */
            limit_price?: string | null;
            /** Stop Price */
            stop_price?: string | null;
            /**
             * Time In Force
             * @default GTC
             * @enum {string}
             */
            time_in_force: "GTC" | "IOC" | "FOK";
            /**
             * Post Only
             * @default false
             */
            post_only: boolean;
            /**
             * Reduce Only
             * @default false
             */
            reduce_only: boolean;
            /**
             * Accounts
             * @description Only among these; empty: all.
             * @default []
             * @example []
             */
            accounts: string[];
        };
        /**
         * RouteQuote
         * @description What an order would cost at each account that could trade it: cheapest first, then those that cannot take it.
         */
        RouteQuote: {
            /** Data */
            data: components["schemas"]["OfferRow"][];
        };
        /**
         * ServiceState
         * @description One supervised service.
         */
        ServiceState: {
            /**
             * Name
             * @example recorder
             */
            name: string;
            /**
             * State
             * @description starting, running, backing_off, stopped or failed.
             * @example running
             */
            state: string;
            /**
             * Restarts
             * @example 0
             */
            restarts: number;
            /**
             * Since Ms
             * @description In this state since.
             * @example 1748736000000
             */
            since_ms?: number | null;
            /**
             * Detail
             * @description The last failure, in a sentence.
             * @default
             * @example
             */
            detail: string;
            /**
             * Consumes
             * @example [
             *       "market.live",
             *       "market.history"
             *     ]
             */
            consumes?: string[];
            /**
             * Produces
             * @example [
             *       "market.stored"
             *     ]
             */
            produces?: string[];
            /**
             * Stats
             * @description The service's own figures.
             * @example {
             *       "rows": 1200
             *     }
             */
            stats?: {
                [key: string]: unknown;
            };
        };
        /**
         * Session
         * @description Who this browser is to us.
         */
        Session: {
            /**
             * Role
             * @description owner, key, open (a reader on this machine) or none.
             * @example owner
             */
            role: string;
            /**
             * Read Only
             * @example false
             */
            read_only: boolean;
            /**
             * Csrf Token
             * @description Send as X-CSRF-Token with every write made with the cookie.
             * @example 3f9a…
             */
            csrf_token: string | null;
        };
        /**
         * SettingList
         * @description Every setting.
         */
        SettingList: {
            /** Data */
            data: components["schemas"]["SettingRow"][];
        };
        /**
         * SettingRow
         * @description One setting, its value and where that came from. Secrets are masked.
         */
        SettingRow: {
            /**
             * Key
             * @example clientserver.qps
             */
            key: string;
            /**
             * Value
             * @description As JSON text.
             * @example 20.0
             */
            value: string;
            /**
             * Source
             * @description default, file, environment or flag.
             * @example default
             */
            source: string;
            /**
             * Doc
             * @example queries per second allowed to a client without an access key
             */
            doc: string;
        };
        /**
         * StatementRow
         * @description An account's UTC day in one currency: `closing` is `opening` plus all that moved between. Fees paid are negative.
         */
        StatementRow: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Day Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            day_ms: number;
            /**
             * Currency
             * @example USDT
             */
            currency: string;
            /**
             * Opening
             * @description Exact decimal as text.
             * @example 67123.10
             */
            opening: string;
            /**
             * Paid In
             * @description The opening of the books, and transfers.
             * @example 67123.10
             */
            paid_in: string;
            /**
             * Exchanged
             * @description What spot trades moved.
             * @example 67123.10
             */
            exchanged: string;
            /**
             * Realised
             * @description Exact decimal as text.
             * @example 67123.10
             */
            realised: string;
            /**
             * Fees
             * @description Exact decimal as text.
             * @example 67123.10
             */
            fees: string;
            /**
             * Funding
             * @description Exact decimal as text.
             * @example 67123.10
             */
            funding: string;
            /**
             * Other
             * @description Rebates, insurance and whatever else the venue moved.
             * @example 67123.10
             */
            other: string;
            /**
             * Closing
             * @description Exact decimal as text.
             * @example 67123.10
             */
            closing: string;
            /**
             * Unbalanced
             * @description Closing minus opening and moves: 0, or an entry does not add up.
             * @example 67123.10
             */
            unbalanced: string;
            /**
             * Compared Ms
             * @description When books and venue were last compared on that day.
             */
            compared_ms: number | null;
            /**
             * Venue
             * @description What the venue owed then.
             */
            venue: string | null;
            /**
             * Unexplained
             * @description That minus what the books said then.
             */
            unexplained: string | null;
            /**
             * Differed Ms
             * @description When they last differed on that day.
             */
            differed_ms: number | null;
            /**
             * Positions
             * @description Legs that differed at the last comparison.
             */
            positions: components["schemas"]["PositionGapRow"][];
        };
        /**
         * StatementsAnswer
         * @description Daily statements, newest first, and whether the books add up.
         */
        StatementsAnswer: {
            /**
             * Account
             * @example paper
             */
            account: string;
            /**
             * Entries
             * @description Entries of the journal that were added up.
             * @example 120
             */
            entries: number;
            /**
             * Balanced
             * @description Every day and balance is what its entries make it, and the venue's last word was the same.
             */
            balanced: boolean;
            /** Differences */
            differences: components["schemas"]["BalanceDifferenceRow"][];
            /** Data */
            data: components["schemas"]["StatementRow"][];
        };
        /**
         * Status
         * @description The whole system at a glance.
         */
        Status: {
            /**
             * Environment
             * @enum {string}
             */
            environment: "demo" | "live";
            /**
             * Version
             * @example 0.1.0
             */
            version: string;
            /**
             * Now Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            now_ms: number;
            /**
             * Started Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            started_ms: number;
            /**
             * Uptime S
             * @example 12.5
             */
            uptime_s: number;
            /**
             * Read Only
             * @description This caller may not write (no owner token).
             * @example true
             */
            read_only: boolean;
            /**
             * Venues
             * @example [
             *       "binance"
             *     ]
             */
            venues: string[];
            /**
             * Instruments
             * @description Instruments known.
             * @example 512
             */
            instruments: number;
            /** Services */
            services: components["schemas"]["ServiceState"][];
            /** Connections */
            connections: components["schemas"]["ConnectionState"][];
            throughput: components["schemas"]["Throughput"];
            /** Weights */
            weights: components["schemas"]["WeightState"][];
            /** Queues */
            queues: components["schemas"]["QueueState"][];
            history: components["schemas"]["HistoryProgress"];
            /**
             * Gaps Open
             * @example 0
             */
            gaps_open: number;
            /**
             * Held Back
             * @description States of system, accounts and deployments that are not ACTIVE.
             * @example []
             */
            held_back: components["schemas"]["RiskStateRow"][];
            /**
             * Stores
             * @description Figures per store.
             * @example {
             *       "market": {
             *         "klines_rows": 525600
             *       }
             *     }
             */
            stores: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /**
             * Process
             * @description Memory, processor, files.
             * @example {
             *       "rss_bytes": 310000000
             *     }
             */
            process: {
                [key: string]: unknown;
            };
            /**
             * Probes
             * @description Figures of every component.
             * @example {
             *       "recorder": {
             *         "rows": 1200
             *       }
             *     }
             */
            probes: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /**
             * Events
             * @description Newest first.
             */
            events: components["schemas"]["SystemEventRow"][];
        };
        /**
         * StrategyList
         * @description The registered strategies.
         */
        StrategyList: {
            /** Data */
            data: components["schemas"]["StrategyRow"][];
        };
        /**
         * StrategyRow
         * @description A registered strategy. ``parameters`` is a JSON Schema of its parameters: the page makes its form of it.
         */
        StrategyRow: {
            /**
             * Name
             * @example ma_cross
             */
            name: string;
            /**
             * Title
             * @example MaCross
             */
            title: string;
            /**
             * Doc
             * @example Long while the fast average is above the slow one.
             */
            doc: string;
            /**
             * Source
             * @description built-in, a distribution's name, or a file.
             * @example built-in
             */
            source: string;
            /**
             * Style
             * @description on_kline, on_bars or both.
             * @example both
             */
            style: string;
            /**
             * Parameters
             * @example {
             *       "properties": {
             *         "fast": {
             *           "default": 10,
             *           "type": "integer"
             *         }
             *       },
             *       "type": "object"
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
        };
        /**
         * StreamHealth
         * @description How one live stream is doing.
         */
        StreamHealth: {
            /**
             * Stream
             * @description Full stream name.
             * @example binance:um:BTC-USDT-PERP:kline:1m
             */
            stream: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Kind
             * @example kline
             */
            kind: string;
            /**
             * Period
             * @description Empty for kinds other than kline.
             * @example 1m
             */
            period: string;
            /**
             * State
             * @enum {string}
             */
            state: "connecting" | "live" | "stale" | "down" | "stopped" | "unknown";
            /**
             * Connection
             * @description The connection that carries it; empty when none does.
             * @example binance:um:market:1
             */
            connection: string;
            /**
             * Last Event Ms
             * @description When its last event was received.
             * @example 1748736000250
             */
            last_event_ms: number | null;
            /**
             * Age S
             * @description Seconds since its last event.
             * @example 0.2
             */
            age_s: number | null;
            /**
             * Events
             * @description Events received since the process started.
             * @example 1200
             */
            events: number;
        };
        /**
         * StreamList
         * @description Live health of every stream that was seen or is wanted.
         */
        StreamList: {
            /**
             * Now Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            now_ms: number;
            /**
             * Live
             * @example 12
             */
            live: number;
            /**
             * Total
             * @example 12
             */
            total: number;
            /** Data */
            data: components["schemas"]["StreamHealth"][];
        };
        /**
         * SystemEventRow
         * @description Something about the process itself.
         */
        SystemEventRow: {
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
            /**
             * Name
             * @example service.restarted
             */
            name: string;
            /**
             * Level
             * @description info, warning or critical.
             * @example warning
             */
            level: string;
            /**
             * Detail
             * @example collector: connection refused
             */
            detail: string;
        };
        /**
         * TableRows
         * @description Rows of a table; a value that is not defined is null.
         */
        TableRows: {
            /**
             * Columns
             * @example [
             *       "number",
             *       "p_fast",
             *       "sharpe"
             *     ]
             */
            columns: string[];
            /**
             * Rows
             * @description All rows of the table.
             * @example 444
             */
            rows: number;
            /**
             * Data
             * @example [
             *       {
             *         "number": 0,
             *         "p_fast": 5,
             *         "sharpe": 0.4
             *       }
             *     ]
             */
            data: {
                [key: string]: unknown;
            }[];
        };
        /**
         * Throughput
         * @description What flows now, averaged over the last ten seconds, and since the process started.
         */
        Throughput: {
            /**
             * Events Per S
             * @description Live events.
             * @example 240.5
             */
            events_per_s: number;
            /**
             * Klines Per S
             * @example 120.1
             */
            klines_per_s: number;
            /**
             * History Per S
             * @description Events fetched after the fact.
             * @example 5000
             */
            history_per_s: number;
            /**
             * Stored Per S
             * @description Klines made durable, first seen or restated.
             * @example 5010
             */
            stored_per_s: number;
            /**
             * Events
             * @example 120000
             */
            events: number;
            /**
             * Klines
             * @example 60000
             */
            klines: number;
            /**
             * History
             * @example 500000
             */
            history: number;
            /**
             * Stored
             * @example 500100
             */
            stored: number;
            /**
             * Revised
             * @example 2
             */
            revised: number;
        };
        /**
         * TickerPage
         * @description 24-hour statistics, oldest first.
         */
        TickerPage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["TickerRow"][];
        };
        /**
         * TickerRow
         * @description Rolling 24-hour statistics.
         */
        TickerRow: {
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Last Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            last_price: string;
            /**
             * Open Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            open_price: string;
            /**
             * High Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            high_price: string;
            /**
             * Low Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            low_price: string;
            /**
             * Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            volume: string;
            /**
             * Quote Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quote_volume: string;
            /**
             * Count
             * @example 120934
             */
            count: number;
        };
        /**
         * Topology
         * @description Who talks to whom.
         */
        Topology: {
            /**
             * Topics
             * @example [
             *       "market.live"
             *     ]
             */
            topics: string[];
            /** Services */
            services: components["schemas"]["TopologyNode"][];
        };
        /**
         * TopologyNode
         * @description One service and the topics it reads and writes.
         */
        TopologyNode: {
            /**
             * Name
             * @example recorder
             */
            name: string;
            /**
             * Consumes
             * @example [
             *       "market.live",
             *       "market.history"
             *     ]
             */
            consumes: string[];
            /**
             * Produces
             * @example [
             *       "market.stored"
             *     ]
             */
            produces: string[];
        };
        /**
         * TradePage
         * @description Trades, oldest first.
         */
        TradePage: {
            /**
             * Instrument
             * @description Full name.
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @enum {string}
             */
            market: "spot" | "um" | "cm" | "dex";
            /**
             * Symbol
             * @description Canonical symbol.
             * @example BTC-USDT-PERP
             */
            symbol: string;
            /**
             * Venue Symbol
             * @description The venue's own symbol.
             * @example BTCUSDT
             */
            venue_symbol: string;
            /**
             * Has More
             * @description More rows of the asked range exist.
             * @example false
             */
            has_more: boolean;
            /**
             * Next Cursor
             * @description Pass as `cursor` to get the next page.
             * @example f1748736000000.0
             */
            next_cursor?: string | null;
            /** Data */
            data: components["schemas"]["TradeRow"][];
        };
        /**
         * TradeRow
         * @description One trade, or the venue's aggregate of trades.
         */
        TradeRow: {
            /**
             * Trade Id
             * @example 3142093
             */
            trade_id: number;
            /**
             * Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            price: string;
            /**
             * Quantity
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quantity: string;
            /**
             * Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time: number;
            /**
             * Buyer Is Maker
             * @description True when the seller was the taker.
             * @example true
             */
            buyer_is_maker: boolean;
        };
        /**
         * TrialBody
         * @description One run to be counted.
         */
        TrialBody: {
            /**
             * Family
             * @example 91ab
             */
            family: string;
            /**
             * Parameter Hash
             * @example 77aa
             */
            parameter_hash: string;
            /**
             * Run Id
             * @description The session that ran it.
             * @example notebook-5f0c
             */
            run_id: string;
            /**
             * Number
             * @description Which run of the session.
             * @example 0
             */
            number: number;
            /**
             * Strategy
             * @default
             * @example ma_cross
             */
            strategy: string;
            /**
             * Code Hash
             * @default
             * @example 3f1c
             */
            code_hash: string;
            /**
             * Parameters
             * @default {}
             * @example {
             *       "fast": 10
             *     }
             */
            parameters: {
                [key: string]: unknown;
            };
            /**
             * Source
             * @default notebook
             * @example notebook
             */
            source: string;
            /**
             * Data Fingerprint
             * @default
             * @example c0ff
             */
            data_fingerprint: string;
            /**
             * Days
             * @default 0
             * @example 365
             */
            days: number;
            /**
             * Sharpe Daily
             * @example 0.05
             */
            sharpe_daily?: number | null;
            /**
             * Skew
             * @example 0
             */
            skew?: number | null;
            /**
             * Kurtosis
             * @example 3
             */
            kurtosis?: number | null;
        };
        /**
         * TrialFamily
         * @description How often a family of strategies was tried, for ever.
         */
        TrialFamily: {
            /**
             * Family
             * @example 91ab
             */
            family: string;
            /**
             * Runs
             * @description All runs.
             * @example 512
             */
            runs: number;
            /**
             * Distinct
             * @description Distinct parameter sets.
             * @example 444
             */
            distinct: number;
            /**
             * Deleted
             * @description Runs whose results were deleted; they stay counted.
             * @example 0
             */
            deleted: number;
            /**
             * Sharpe Mean
             * @description Of daily Sharpe ratios, not annualised.
             * @example 0.01
             */
            sharpe_mean: number | null;
            /**
             * Sharpe Variance
             * @example 0.0004
             */
            sharpe_variance: number | null;
            /**
             * Sharpe Best
             * @example 0.08
             */
            sharpe_best: number | null;
            /**
             * First Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            first_ms: number;
            /**
             * Last Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            last_ms: number;
        };
        /**
         * TrialFamilyList
         * @description Families, the one tried last first.
         */
        TrialFamilyList: {
            /** Data */
            data: components["schemas"]["TrialFamily"][];
        };
        /**
         * TrialsCounted
         * @description How many runs were new.
         */
        TrialsCounted: {
            /**
             * Counted
             * @example 1
             */
            counted: number;
        };
        /**
         * TrialsRequest
         * @description Runs to be counted; one that is counted already (`run_id` and `number`) is not counted again.
         */
        TrialsRequest: {
            /** Trials */
            trials: components["schemas"]["TrialBody"][];
        };
        /**
         * UdfConfig
         * @description What the datafeed can do.
         */
        UdfConfig: {
            /** Supports Search */
            supports_search: boolean;
            /** Supports Group Request */
            supports_group_request: boolean;
            /** Supports Marks */
            supports_marks: boolean;
            /** Supports Timescale Marks */
            supports_timescale_marks: boolean;
            /** Supports Time */
            supports_time: boolean;
            /** Exchanges */
            exchanges: components["schemas"]["UdfName"][];
            /** Symbols Types */
            symbols_types: components["schemas"]["UdfName"][];
            /**
             * Supported Resolutions
             * @example [
             *       "1",
             *       "5",
             *       "60",
             *       "1D"
             *     ]
             */
            supported_resolutions: string[];
        };
        /**
         * UdfHistory
         * @description Bars as columns. `no_data` carries the time of the nearest earlier bar, if there is one.
         */
        UdfHistory: {
            /**
             * S
             * @enum {string}
             */
            s: "ok" | "no_data" | "error";
            /**
             * T
             * @description Open times in seconds.
             */
            t?: number[] | null;
            /** O */
            o?: number[] | null;
            /** H */
            h?: number[] | null;
            /** L */
            l?: number[] | null;
            /** C */
            c?: number[] | null;
            /** V */
            v?: number[] | null;
            /**
             * Nexttime
             * @description Seconds.
             */
            nextTime?: number | null;
            /** Errmsg */
            errmsg?: string | null;
        };
        /**
         * UdfName
         * @description A name and its value in a list of choices.
         */
        UdfName: {
            /**
             * Value
             * @example binance
             */
            value: string;
            /**
             * Name
             * @example Binance
             */
            name: string;
            /**
             * Desc
             * @default
             * @example
             */
            desc: string;
        };
        /**
         * UdfSearchRow
         * @description One answer of the search.
         */
        UdfSearchRow: {
            /**
             * Symbol
             * @example BTCUSDT
             */
            symbol: string;
            /**
             * Full Name
             * @example binance:um:BTC-USDT-PERP
             */
            full_name: string;
            /**
             * Description
             * @example BTC/USDT um
             */
            description: string;
            /**
             * Exchange
             * @example binance
             */
            exchange: string;
            /**
             * Ticker
             * @example binance:um:BTC-USDT-PERP
             */
            ticker: string;
            /**
             * Type
             * @example futures
             */
            type: string;
        };
        /**
         * UdfSymbol
         * @description One symbol.
         */
        UdfSymbol: {
            /**
             * Name
             * @example BTCUSDT
             */
            name: string;
            /**
             * Ticker
             * @description Full name; pass it to /udf/history.
             * @example binance:um:BTC-USDT-PERP
             */
            ticker: string;
            /**
             * Full Name
             * @example binance:um:BTC-USDT-PERP
             */
            full_name: string;
            /**
             * Description
             * @example BTC/USDT um
             */
            description: string;
            /**
             * Type
             * @example futures
             */
            type: string;
            /**
             * Session
             * @example 24x7
             */
            session: string;
            /**
             * Timezone
             * @example Etc/UTC
             */
            timezone: string;
            /**
             * Exchange
             * @example binance
             */
            exchange: string;
            /**
             * Listed Exchange
             * @example binance
             */
            listed_exchange: string;
            /**
             * Minmov
             * @example 1
             */
            minmov: number;
            /**
             * Pricescale
             * @example 100
             */
            pricescale: number;
            /** Has Intraday */
            has_intraday: boolean;
            /** Has Daily */
            has_daily: boolean;
            /** Has Weekly And Monthly */
            has_weekly_and_monthly: boolean;
            /**
             * Visible Plots Set
             * @example ohlcv
             */
            visible_plots_set: string;
            /** Supported Resolutions */
            supported_resolutions: string[];
            /**
             * Intraday Multipliers
             * @example [
             *       "1",
             *       "60"
             *     ]
             */
            intraday_multipliers: string[];
            /**
             * Volume Precision
             * @example 3
             */
            volume_precision: number;
            /**
             * Data Status
             * @example streaming
             */
            data_status: string;
        };
        /**
         * UnaskedRule
         * @description A rule in force that cannot be asked of the past.
         */
        UnaskedRule: {
            /**
             * Name
             * @example fresh_data
             */
            name: string;
            /**
             * Reason
             * @example how old a price was when an order was made is not kept
             */
            reason: string;
        };
        /**
         * WeightState
         * @description A venue's market: weight used and allowed, connections, quarantine.
         */
        WeightState: {
            /**
             * Venue
             * @example binance
             */
            venue: string;
            /**
             * Market
             * @example um
             */
            market: string;
            /**
             * Used
             * @description Weight used in the current window.
             * @example 120
             */
            used: number | null;
            /**
             * Limit
             * @description Weight the venue allows per window.
             * @example 2400
             */
            limit: number | null;
            /**
             * Used Percent
             * @example 5
             */
            used_percent: number | null;
            /**
             * Figures
             * @description All figures of the venue's transport.
             * @example {
             *       "requests": 12
             *     }
             */
            figures: {
                [key: string]: unknown;
            };
        };
        /**
         * WhyGate
         * @description A gate that said no to trades.
         */
        WhyGate: {
            /**
             * Gate
             * @description In words; docs/backtesting.md lists them.
             * @example the same target as before
             */
            gate: string;
            /**
             * Rows
             * @description At how many bars, of all instruments.
             * @example 8121
             */
            rows: number;
            /**
             * First Ms
             * @description Open time of the first.
             * @example 1748736000000
             */
            first_ms: number;
            /**
             * Last Ms
             * @description Open time of the last.
             * @example 1748736000000
             */
            last_ms: number;
        };
        /**
         * WhyStretch
         * @description Bars of one instrument on end at which the same gate said no.
         */
        WhyStretch: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Gate
             * @example rejected: below the least notional
             */
            gate: string;
            /**
             * Said
             * @description What the strategy said at the first of them; empty: nothing.
             * @example target 1
             */
            said: string;
            /**
             * Bars
             * @example 12
             */
            bars: number;
            /**
             * First Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            first_ms: number;
            /**
             * Last Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            last_ms: number;
        };
        /**
         * ErrorBody
         * @description The body of every 4xx and 5xx answer.
         */
        ErrorBody: {
            error: components["schemas"]["ErrorDetail"];
        };
        /**
         * ErrorDetail
         * @description What went wrong, in one sentence.
         */
        ErrorDetail: {
            /**
             * Code
             * @description Short, stable name of the error.
             * @example unknown_symbol
             */
            code: string;
            /**
             * Message
             * @description One sentence that says what to do.
             * @example unknown symbol 'BTCUSTD'; did you mean: BTCUSDT
             */
            message: string;
            /**
             * Field
             * @description The argument that is at fault.
             * @default null
             * @example symbol
             */
            field: string | null;
            /**
             * Valid
             * @description Valid values, nearest first.
             * @default null
             * @example [
             *       "BTCUSDT"
             *     ]
             */
            valid: string[] | null;
            /**
             * Reason
             * @description Names what is wrong, for a reader's own words; absent where only the message says it.
             * @default null
             * @example off_lot
             */
            reason: string | null;
            /**
             * Values
             * @description What stands in the sentence.
             * @default null
             * @example {
             *       "given": "0.0015",
             *       "step": "0.001"
             *     }
             */
            values: {
                [key: string]: string;
            } | null;
            /**
             * Id
             * @description Id of an unexpected fault, to be found in the log.
             * @default null
             * @example 5f0c1e-2a
             */
            id: string | null;
        };
        /**
         * LiveEvent
         * @description One message of a topic; the topic says which model `data` is (see docs: the live protocol).
         */
        LiveEvent: {
            /**
             * Type
             * @constant
             */
            type: "event";
            /**
             * Topic
             * @example kline:binance:um:BTC-USDT-PERP:1m
             */
            topic: string;
            /**
             * Seq
             * @description Counts up over all topics; a client that was cut says the last one it saw.
             * @example 1042
             */
            seq: number;
            /**
             * Time Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            time_ms: number;
            /** Data */
            data: unknown;
        };
        /**
         * LiveKline
         * @description A kline as it forms; the next one of the same `open_time` replaces it until `closed`.
         */
        LiveKline: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Period
             * @example 1m
             */
            period: string;
            /**
             * Open Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            open_time: number;
            /**
             * Close Time
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            close_time: number;
            /**
             * Open
             * @description Exact decimal as text.
             * @example 67123.10
             */
            open: string;
            /**
             * High
             * @description Exact decimal as text.
             * @example 67123.10
             */
            high: string;
            /**
             * Low
             * @description Exact decimal as text.
             * @example 67123.10
             */
            low: string;
            /**
             * Close
             * @description Exact decimal as text.
             * @example 67123.10
             */
            close: string;
            /**
             * Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            volume: string;
            /**
             * Quote Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            quote_volume: string;
            /** Count */
            count: number;
            /**
             * Taker Buy Base Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            taker_buy_base_volume: string;
            /**
             * Taker Buy Quote Volume
             * @description Exact decimal as text.
             * @example 67123.10
             */
            taker_buy_quote_volume: string;
            /** Closed */
            closed: boolean;
            /**
             * Source
             * @example ws
             */
            source: string;
        };
        /**
         * LiveReply
         * @description What the server says of the conversation itself.
         */
        LiveReply: {
            /**
             * Type
             * @description `reset`: what was missed is no longer held; read the state again over REST.
             * @enum {string}
             */
            type: "welcome" | "subscribed" | "unsubscribed" | "resumed" | "reset" | "pong" | "heartbeat" | "error";
            /**
             * Session
             * @default null
             * @example 9f2c41
             */
            session: string | null;
            /**
             * Seq
             * @description The newest sequence number.
             * @default null
             * @example 1041
             */
            seq: number | null;
            /**
             * Topics
             * @default null
             */
            topics: string[] | null;
            /**
             * Dropped
             * @description Messages this client was too slow for.
             * @default null
             * @example 0
             */
            dropped: number | null;
            /**
             * Time Ms
             * @default null
             * @example 1748736000000
             */
            time_ms: number | null;
            /**
             * Id
             * @default null
             */
            id: string | number | null;
            /**
             * Error
             * @default null
             */
            error: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * LiveRequest
         * @description What a client says. Topics: `kline:<instrument>:<period>`, `tickers`, `feed`, `gaps`, `revisions`, `system`, `status`.
         */
        LiveRequest: {
            /**
             * Action
             * @enum {string}
             */
            action: "subscribe" | "unsubscribe" | "resume" | "ping";
            /**
             * Topics
             * @example [
             *       "kline:binance:um:BTC-USDT-PERP:1m",
             *       "status"
             *     ]
             */
            topics?: string[];
            /**
             * Session
             * @description resume: the `session` of the last welcome.
             * @default null
             * @example 9f2c41
             */
            session: string | null;
            /**
             * Last Seq
             * @description resume: the last `seq` that was seen.
             * @default null
             * @example 1041
             */
            last_seq: number | null;
            /**
             * Id
             * @description Given back in the reply.
             * @default null
             * @example 1
             */
            id: string | number | null;
        };
        /**
         * LiveStatus
         * @description Figures of the system, once a second.
         */
        LiveStatus: {
            /**
             * Now Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            now_ms: number;
            /** Uptime S */
            uptime_s: number;
            throughput: components["schemas"]["Throughput"];
            history: components["schemas"]["HistoryProgress"];
            /** Gaps Open */
            gaps_open: number;
            /** Held Back */
            held_back: components["schemas"]["RiskStateRow"][];
            /** Connections */
            connections: components["schemas"]["ConnectionState"][];
            /** Queues */
            queues: components["schemas"]["QueueState"][];
            /** Weights */
            weights: components["schemas"]["WeightState"][];
            /** Process */
            process: {
                [key: string]: unknown;
            };
        };
        /**
         * LiveTicker
         * @description The newest price of an instrument, with 24-hour figures where known.
         */
        LiveTicker: {
            /**
             * Instrument
             * @example binance:um:BTC-USDT-PERP
             */
            instrument: string;
            /**
             * Last Price
             * @description Exact decimal as text.
             * @example 67123.10
             */
            last_price: string;
            /**
             * Change 24H Percent
             * @example -1.25
             */
            change_24h_percent: number | null;
            /** Volume 24H */
            volume_24h: string | null;
            /** Quote Volume 24H */
            quote_volume_24h: string | null;
            /**
             * Updated Ms
             * @description UTC milliseconds.
             * @example 1748736000000
             */
            updated_ms: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    klines_api_v1_klines_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description Kline period. */
                period?: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
                /** @description Klines as they were known at this instant, UTC milliseconds. */
                as_known_at?: number | null;
                /** @description Also source, revision, first_seen_ms and synthetic of each row. */
                ledger?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KlinePage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    trades_api_v1_trades_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TradePage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    tickers_api_v1_tickers_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TickerPage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    funding_api_v1_funding_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FundingPage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    open_interest_api_v1_open_interest_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenInterestPage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    mark_price_api_v1_mark_price_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MarkPricePage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    quotes_api_v1_quotes_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page (JSON), or all rows (CSV, Arrow). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotePage"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    books_api_v1_books_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all. */
                limit?: number | null;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
                /** @description json, csv or arrow. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BookPage"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    instruments_api_v1_instruments_get: {
        parameters: {
            query?: {
                /** @description Part of a symbol or name. */
                q?: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                venue?: string | null;
                /** @description Only those that are (not) collected. */
                registered?: boolean | null;
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InstrumentPage"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_tiers_api_v1_margin_tiers_get: {
        parameters: {
            query?: {
                /** @description Full name. */
                instrument?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MarginTierList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    keep_api_v1_margin_tiers_put: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MarginTiersBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MarginTierList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove_api_v1_margin_tiers__instrument__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                instrument: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    coverage_api_v1_coverage_get: {
        parameters: {
            query?: {
                symbol?: string | null;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                venue?: string | null;
                kind?: "kline" | "trade" | "quote" | "book" | "ticker" | "funding" | "mark_price" | "open_interest" | null;
                period?: string | null;
                /** @description Also a heat map of so many days, the newest last. */
                days?: number;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CoverageList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    gaps_api_v1_gaps_get: {
        parameters: {
            query?: {
                state?: "found" | "healing" | "healed" | "failed" | "closed" | "open" | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GapList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    heal_state_api_v1_gaps_commands__command_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                command_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    revisions_api_v1_revisions_get: {
        parameters: {
            query?: {
                symbol?: string | null;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description Kline period. */
                period?: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    audit_api_v1_audit_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditReport"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    run_api_v1_audit_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditReport"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    streams_api_v1_streams_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    heal_api_v1_gaps_heal_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HealRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealAnswer"];
                };
            };
            /** @description Taken, not yet answered; ask `location` again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    status_api_v1_status_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    settings_api_v1_settings_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SettingList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    logs_api_v1_logs_get: {
        parameters: {
            query?: {
                limit?: number;
                /** @description Least level shown. */
                level?: "debug" | "info" | "warning" | "error" | "critical";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    topology_api_v1_topology_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Topology"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    pairs_api_v1_pairs_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    add_pair_api_v1_pairs_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PairRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PairRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    proxies_api_v1_proxies_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProxyList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    add_proxy_api_v1_proxies_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProxyRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProxyRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    access_keys_api_v1_access_keys_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessKeyList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    create_access_key_api_v1_access_keys_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccessKeyRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessKeyCreated"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove_pair_api_v1_pairs__instrument__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                instrument: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove_proxy_api_v1_proxies__proxy_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                proxy_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove_access_key_api_v1_access_keys__key_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                key_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    strategies_api_v1_strategies_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StrategyList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    strategy_api_v1_strategies__name__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StrategyRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    metrics_api_v1_backtest_metrics_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MetricList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    indicators_api_v1_indicators_get: {
        parameters: {
            query?: {
                group?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndicatorList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    values_api_v1_indicators_values_get: {
        parameters: {
            query: {
                /** @description Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`). */
                symbol: string;
                /** @description A key: `sma(20)`, `bbands(20,2,2,0).upper`. */
                indicator: string;
                /** @description Needed where a short symbol is known in several markets. */
                market?: "spot" | "um" | "cm" | "dex" | null;
                /** @description The venue. */
                venue?: string;
                /** @description Kline period. */
                period?: "1s" | "1m" | "3m" | "5m" | "15m" | "30m" | "1h" | "2h" | "4h" | "6h" | "8h" | "12h" | "1d" | "3d" | "1w" | "1mo";
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndicatorSeries"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_deployments_api_v1_deployments_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    create_api_v1_deployments_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeploymentRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deployment_api_v1_deployments__reference__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    remove_api_v1_deployments__reference__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    history_api_v1_deployments__reference__history_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentHistory"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    parity_of_api_v1_deployments__reference__parity_get: {
        parameters: {
            query?: {
                /** @description Basis points. */
                slippage_bps?: number;
                /** @description Basis points. */
                tolerance_bps?: number;
            };
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ParityReport"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    configure_api_v1_deployments__reference__configure_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeploymentChangeRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    roll_back_api_v1_deployments__reference__rollback_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RollBackRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    say_api_v1_deployments__reference___verb__post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name. */
                reference: string;
                /** @description What it shall do. */
                verb: "start" | "pause" | "resume" | "stop";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeploymentRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_jobs_api_v1_jobs_get: {
        parameters: {
            query?: {
                state?: "queued" | "running" | "done" | "failed" | "cancelled" | null;
                kind?: string | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    submit_api_v1_jobs_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["JobRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_job_api_v1_jobs__job_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, or `latest`. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    delete_job_api_v1_jobs__job_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, or `latest`. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    job_table_api_v1_jobs__job_id__tables__name__get: {
        parameters: {
            query?: {
                /** @description Names with commas between; all when left out. */
                columns?: string | null;
                /** @description A column; what is not defined comes last. */
                sort?: string | null;
                descending?: boolean;
                /** @description Rows before the first that is answered. */
                offset?: number;
                limit?: number;
                /** @description JSON rows, or an Arrow stream. */
                format?: "json" | "arrow";
            };
            header?: never;
            path: {
                /** @description Id, or `latest`. */
                job_id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Rows (JSON), or an Arrow stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TableRows"];
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    cancel_api_v1_jobs__job_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, or `latest`. */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_backtests_api_v1_backtests_get: {
        parameters: {
            query?: {
                strategy?: string | null;
                family?: string | null;
                job_id?: string | null;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    keep_api_v1_backtests_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BacktestBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestKept"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    compare_api_v1_backtests_compare_get: {
        parameters: {
            query: {
                /** @description Two ids or more, with commas between them. */
                ids: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestComparison"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_backtest_api_v1_backtests__result_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestDetail"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    delete_backtest_api_v1_backtests__result_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    report_api_v1_backtests__result_id__report_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestReport"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    why_api_v1_backtests__result_id__why_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BacktestWhy"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    file_api_v1_backtests__result_id__files__ending__get: {
        parameters: {
            query?: {
                /** @description The one that the page is first shown in. */
                language?: "en" | "zh";
            };
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
                /** @description The page, everything as JSON, a workbook, all tables as CSV. */
                ending: "html" | "json" | "xlsx" | "zip";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                    "text/html": string;
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": string;
                    "application/zip": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    backtest_table_api_v1_backtests__result_id__tables__name__get: {
        parameters: {
            query?: {
                /** @description Names with commas between; all when left out. */
                columns?: string | null;
                /** @description A column; what is not defined comes last. */
                sort?: string | null;
                descending?: boolean;
                /** @description Rows before the first that is answered. */
                offset?: number;
                limit?: number;
                /** @description JSON rows, or an Arrow stream. */
                format?: "json" | "arrow";
            };
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Rows (JSON), or an Arrow stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TableRows"];
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    families_api_v1_trials_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialFamilyList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    count_api_v1_trials_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrialsRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialsCounted"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    family_api_v1_trials__family__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                family: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialFamily"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    repeat_api_v1_backtests__result_id__repeat_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, `latest`, or `latest-1`, the one before it. */
                result_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_orders_api_v1_orders_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
                open?: boolean;
                /** @description Rows at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    place_api_v1_orders_post: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again returns what came of the first and sends nothing. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OrderBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlacedOrder"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_order_api_v1_orders__order_id__get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's id. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    amend_api_v1_orders__order_id__put: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again returns what came of the first and sends nothing. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The order's id. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AmendBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_chain_api_v1_orders__order_id__chain_get: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's id. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderChain"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_fills_api_v1_fills_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
                /** @description Rows at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FillList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_positions_api_v1_positions_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PositionList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_denials_api_v1_denials_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
                /** @description Rows at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DenialList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_accounts_api_v1_accounts_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    add_account_api_v1_accounts_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_algorithms_api_v1_algorithms_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
                /** @description Rows at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlgorithmList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    start_api_v1_algorithms_post: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again returns what came of the first and sends nothing. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AlgorithmBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlgorithmRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    preflight_api_v1_accounts__name__preflight_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account's name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PreflightReport"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_keys_api_v1_venue_keys_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    rotate_master_api_v1_venue_keys_rotate_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RotationAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    give_key_api_v1_accounts__name__key_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account's name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    forget_key_api_v1_accounts__name__key_delete: {
        parameters: {
            query?: {
                /** @description Also while orders of the account are open. */
                force?: boolean;
            };
            header?: never;
            path: {
                /** @description The account's name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Removed"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    quote_api_v1_orders_route_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RouteBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RouteQuote"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    place_batch_api_v1_orders_batch_post: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key again returns what came of the first and sends nothing. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BatchBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    cancel_all_api_v1_orders_cancel_all_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CancelAllBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    close_all_api_v1_orders_close_all_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CancelAllBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CloseAllAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    cancel_api_v1_orders__order_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's id. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    cancel_api_v1_algorithms__order_id__cancel_post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's id. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlgorithmRow"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_risk_api_v1_risk_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    rehearse_api_v1_risk_rehearsal_get: {
        parameters: {
            query: {
                /** @description The account. */
                account: string;
                /** @description This rule alone; without it all that are not off. */
                rule?: string | null;
                /** @description `limit=1000`: in the place of the configured one; again for more. */
                param?: string[] | null;
                /** @description Judge the orders of one deployment only. */
                deployment?: string | null;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
                /** @description Blocked orders at most, newest first. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RehearsalAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    set_state_api_v1_risk_state_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RiskStateBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    set_rule_api_v1_risk_rules__name__post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The rule's name. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RiskRuleBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RiskAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    try_alerts_api_v1_alerts_test_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    kill_api_v1_kill_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KillBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KillAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_quotas_api_v1_quotas_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    set_quota_api_v1_quotas__reference__post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name of a deployment. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuotaBody"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuotaList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_portfolio_api_v1_portfolio_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortfolioAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_equity_api_v1_portfolio_equity_get: {
        parameters: {
            query: {
                /** @description The account. */
                account: string;
                /** @description First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered. */
                start_ms?: number | null;
                /** @description First instant after the range, UTC milliseconds. */
                end_ms?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EquityCurveAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_statements_api_v1_portfolio_statements_get: {
        parameters: {
            query: {
                /** @description The account. */
                account: string;
                /** @description UTC days, today's among them. */
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatementsAnswer"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_journal_api_v1_journal_get: {
        parameters: {
            query?: {
                /** @description Of one account only. */
                account?: string | null;
                /** @description Rows at most. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JournalList"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    login_login_get: {
        parameters: {
            query: {
                /** @description The owner token. */
                token: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To the page, with the owner's cookie. */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    session_api_v1_session_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    log_in_api_v1_session_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    log_out_api_v1_session_delete: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    run_api_v1_maintenance__operation__post: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                operation: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MaintenanceRequest"];
            };
        };
        responses: {
            /** @description Progress, then the result. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    config_udf_config_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UdfConfig"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    time_udf_time_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    symbols_udf_symbols_get: {
        parameters: {
            query: {
                symbol: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UdfSymbol"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    search_udf_search_get: {
        parameters: {
            query?: {
                query?: string;
                type?: string;
                exchange?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UdfSearchRow"][];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    history_udf_history_get: {
        parameters: {
            query: {
                symbol: string;
                /** @description Seconds, exclusive. */
                to: number;
                resolution?: string;
                /** @description Seconds, inclusive. */
                from?: number;
                /** @description Bars wanted before `to`; wins over `from`. */
                countback?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UdfHistory"];
                };
            };
            /** @description The request cannot be served as it is. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The caller may not do this. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An unknown name; `valid` names the nearest known ones. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description The Host header is not one of ours. */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description An argument is not valid; `field` names it. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description A store or the venue does not answer now; wait as Retry-After says. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    live_health_live_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    ready_health_ready_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description It cannot serve now. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    health_health_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description It cannot serve now. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    prometheus_metrics_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description Credentials are needed or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description Too many requests; wait as Retry-After says. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}
