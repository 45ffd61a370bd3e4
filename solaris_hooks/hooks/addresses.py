"""Every address that LiteLLM 1.106 serves, by what it means for the books.

An address is known by the function that serves it, since that is what decides whether LiteLLM asks its
plugins before it calls a provider. What this table does not know is closed.
``tests/unit/hooks/test_addresses.py`` compares it with the routes of the installed LiteLLM.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Handling(StrEnum):
    """What an address means for the books."""

    METERED = "metered"
    """Admission holds tokens before the provider is called, and a hook settles."""
    METERED_AT_END = "metered at its end"
    """The same, but LiteLLM tells no hook of the answer in time: it is settled as it leaves."""
    ASKED = "asked"
    """LiteLLM asks its plugins before it calls a provider: admission decides by the call type."""
    FREE = "free"
    """It calls no model: LiteLLM's own management, lists, pages. LiteLLM decides who may."""
    CLOSED = "closed"
    """It reaches a provider, or may, and LiteLLM asks nobody: refused, unless a setting opens it."""


_FREE_MODULES = (
    "fastapi.applications",
    "litellm_enterprise.",
    "litellm.proxy._lazy_features",
    "litellm.proxy.a2a.endpoints",
    "litellm.proxy.agent_endpoints.endpoints",
    "litellm.proxy.analytics_endpoints.",
    "litellm.proxy.anthropic_endpoints.claude_code_endpoints.",
    "litellm.proxy.anthropic_endpoints.gateway_endpoints",
    "litellm.proxy.caching_routes",
    "litellm.proxy.common_utils.debug_utils",
    "litellm.proxy.credential_endpoints.",
    "litellm.proxy.discovery_endpoints.",
    "litellm.proxy.logging_endpoints.",
    "litellm.proxy.management_endpoints.",
    "litellm.proxy.memory.",
    "litellm.proxy.moyai_endpoints",
    "litellm.proxy.plugin_routes",
    "litellm.proxy.policy_engine.policy_resolve_endpoints",
    "litellm.proxy.public_endpoints.",
    "litellm.proxy.search_endpoints.search_tool_management",
    "litellm.proxy.spend_tracking.",
    "litellm.proxy.tracing_endpoints",
    "litellm.proxy.ui_crud_endpoints.",
    "litellm.proxy.vector_store_endpoints.management_endpoints",
    "litellm.proxy._experimental.mcp_server.byok_oauth_endpoints",
    "litellm.proxy._experimental.mcp_server.discoverable_endpoints",
)
"""Modules whose functions call no model, apart from those named below."""

_FREE_MOUNTS = ("/solaris", "/_next", "/litellm-asset-prefix/_next", "/ui", "/swagger")
"""This plugin's own pages and API, and the files of LiteLLM's."""

_NAMED: Mapping[str, Mapping[Handling, str]] = MappingProxyType(
    {
        "litellm.proxy.proxy_server": {
            Handling.METERED: "chat_completion completion embeddings audio_speech audio_transcriptions",
            Handling.METERED_AT_END: "moderations",
            Handling.ASKED: "realtime_websocket_endpoint",
            Handling.FREE: """
                fallback_login onboarding claim_onboarding_link get_logo_url get_image get_favicon model_list
                model_info supported_openai_params model_info_lookup transform_request model_info_v2
                model_streaming_metrics model_metrics model_metrics_slow_responses model_metrics_exceptions
                model_info_v1 model_deprecations model_group_info model_settings alerting_settings login login_v2
                login_v3 login_v3_exchange new_invitation invitation_info invitation_update invitation_delete
                update_config update_config_general_settings get_config_general_settings get_config_list
                delete_config_general_settings delete_callback get_config config_yaml_endpoint reload_model_cost_map
                schedule_model_cost_map_reload cancel_model_cost_map_reload get_model_cost_map_reload_status
                get_model_cost_map_source reload_anthropic_beta_headers schedule_anthropic_beta_headers_reload
                cancel_anthropic_beta_headers_reload get_anthropic_beta_headers_reload_status home
                get_adaptive_router_state get_routes
            """,
            # Threads and runs, the old queue and the token counter call providers and ask nobody; so do MCP servers.
            Handling.CLOSED: """
                vertex_ai_live_passthrough_endpoint get_assistants create_assistant delete_assistant create_threads
                get_thread add_messages get_messages run_thread token_counter async_queue_request proxy_mcp_route
                aggregate_mcp_route toolset_mcp_route dynamic_mcp_route
            """,
        },
        "litellm.proxy.response_api_endpoints.endpoints": {
            Handling.METERED: "responses_api",
            Handling.ASKED: """
                get_response delete_response get_response_input_items compact_response cancel_response
                responses_websocket_endpoint
            """,
            Handling.FREE: "cursor_model_list",
            # Cursor's dialect turns answers of one route into chunks of another; counting calls the provider.
            Handling.CLOSED: "cursor_chat_completions responses_input_tokens",
        },
        "litellm.proxy.anthropic_endpoints.endpoints": {
            Handling.METERED: "anthropic_response",
            Handling.FREE: "event_logging_batch",
            Handling.CLOSED: "count_tokens",
        },
        "litellm.proxy.google_endpoints.endpoints": {
            Handling.METERED: "google_generate_content google_stream_generate_content",
            Handling.ASKED: "create_interaction get_interaction delete_interaction cancel_interaction",
            Handling.CLOSED: "google_count_tokens",
        },
        "litellm.proxy.image_endpoints.endpoints": {Handling.METERED: "image_generation image_edit_api"},
        "litellm.proxy.rerank_endpoints.endpoints": {Handling.METERED_AT_END: "rerank"},
        "litellm.proxy.prompts.prompt_endpoints": {
            Handling.METERED: "test_prompt",  # a chat, and LiteLLM asks for it as for one
            Handling.FREE: """
                list_prompts get_prompt_versions get_prompt_info create_prompt update_prompt delete_prompt
                patch_prompt convert_prompt_file_to_json
            """,
        },
        "litellm.proxy.ocr_endpoints.endpoints": {Handling.ASKED: "ocr"},
        "litellm.proxy.search_endpoints.endpoints": {Handling.ASKED: "search", Handling.FREE: "list_search_tools"},
        "litellm.proxy.decisions_endpoints.endpoints": {Handling.ASKED: "systemone decisions"},
        "litellm.proxy.agent_endpoints.a2a_endpoints": {
            Handling.ASKED: "invoke_agent_a2a",
            Handling.FREE: "get_agent_card",
        },
        "litellm.proxy.google_endpoints.agents_endpoints": {
            Handling.ASKED: """
                create_gemini_agent list_gemini_agents get_gemini_agent delete_gemini_agent list_gemini_agent_versions
            """,
        },
        "litellm.proxy.video_endpoints.endpoints": {
            Handling.ASKED: """
                video_generation video_list video_status video_content video_remix video_create_character
                video_get_character video_edit video_extension
            """,
        },
        "litellm.proxy.container_endpoints.endpoints": {
            Handling.ASKED: "create_container list_containers retrieve_container delete_container",
        },
        "litellm.proxy.container_endpoints.handler_factory": {
            Handling.ASKED: """
                _create_handler_for_path_params.<locals>.handler_container_id
                _create_handler_for_path_params.<locals>.handler_multipart_upload
                _create_handler_for_path_params.<locals>.handler_container_file
                _create_handler_for_path_params.<locals>.handler_binary_content
            """,
        },
        "litellm.proxy.fine_tuning_endpoints.endpoints": {
            Handling.ASKED: """
                create_fine_tuning_job retrieve_fine_tuning_job list_fine_tuning_jobs cancel_fine_tuning_job
            """,
        },
        "litellm.proxy.batches_endpoints.endpoints": {
            Handling.ASKED: "create_batch retrieve_batch list_batches cancel_batch",
        },
        "litellm.proxy.openai_files_endpoints.files_endpoints": {
            Handling.ASKED: "create_file get_file_content get_file delete_file list_files",
        },
        "litellm.proxy.vector_store_endpoints.endpoints": {
            Handling.ASKED: """
                vector_store_search vector_store_create vector_store_retrieve vector_store_list vector_store_update
                vector_store_delete
            """,
            Handling.FREE: "index_create index_list",
        },
        "litellm.proxy.vector_store_files_endpoints.endpoints": {
            Handling.ASKED: """
                vector_store_file_create vector_store_file_list vector_store_file_retrieve vector_store_file_content
                vector_store_file_update vector_store_file_delete
            """,
        },
        "litellm.proxy.openai_evals_endpoints.endpoints": {
            Handling.ASKED: """
                create_eval list_evals get_eval update_eval delete_eval cancel_eval create_run list_runs get_run
                cancel_run delete_run
            """,
        },
        "litellm.proxy.anthropic_endpoints.skills_endpoints": {
            Handling.ASKED: "create_skill list_skills get_skill delete_skill",
        },
        "litellm.proxy.realtime_endpoints.endpoints": {
            Handling.ASKED: """
                create_realtime_client_secret proxy_realtime_calls create_realtime_transcription_session
            """,
        },
        "litellm.proxy.pass_through_endpoints.pass_through_endpoints": {
            Handling.FREE: """
                get_pass_through_endpoints update_pass_through_endpoints create_pass_through_endpoints
                delete_pass_through_endpoints
            """,
        },
        # Those that call every model, or one, to see whether it answers, are closed.
        "litellm.proxy.health_endpoints._health_endpoints": {
            Handling.FREE: """
                test_endpoint health_services_endpoint health_check_history_endpoint latest_health_checks_endpoint
                shared_health_check_status_endpoint health_license_endpoint active_callbacks health_readiness
                health_readiness_details health_backlog health_drain health_liveliness health_readiness_options
                health_liveliness_options
            """,
            Handling.CLOSED: "health_endpoint test_model_connection",
        },
        "litellm.proxy.lens.endpoints": {
            Handling.FREE: """
                service_connection create_ingestion_key list_ingestion_keys revoke_ingestion_key
                ingestion_credentials list_lenses activity_available list_agents get_signals read_lens list_runs
                read_run read_reviews update_finding evidence_content cancel_lens trace_signal_statuses
                trace_findings
            """,
        },
        "litellm.proxy.lens.dataset_endpoints": {
            Handling.FREE: "list_datasets create_dataset read_dataset save_revision export_dataset eval_cases",
        },
        "litellm.proxy.lens.feedback_endpoints": {Handling.FREE: "read_feedback submit_feedback delete_feedback"},
        "litellm.proxy.guardrails.usage_endpoints": {
            Handling.FREE: """
                guardrails_usage_overview guardrails_usage_detail guardrails_usage_logs policies_usage_overview
            """,
        },
        "litellm.proxy.guardrails.guardrail_endpoints": {
            Handling.FREE: """
                list_guardrails list_guardrails_v2 create_guardrail update_guardrail delete_guardrail
                register_guardrail list_guardrail_submissions get_guardrail_submission approve_guardrail_submission
                reject_guardrail_submission patch_guardrail get_guardrail_info get_guardrail_ui_settings
                get_category_yaml get_major_airlines validate_blocked_words_file get_provider_specific_params
            """,
        },
        "litellm.proxy.policy_engine.policy_endpoints": {
            Handling.FREE: """
                list_policies create_policy list_policy_versions create_policy_version update_policy_version_status
                compare_policy_versions delete_all_policy_versions get_policy update_policy delete_policy
                get_resolved_guardrails list_policy_attachments create_policy_attachment get_policy_attachment
                delete_policy_attachment
            """,
        },
        "litellm.proxy.management_endpoints.policy_endpoints.endpoints": {
            Handling.FREE: "validate_policy list_policies get_policy_info test_policy_matching get_policy_templates",
        },
        "litellm.proxy.management_endpoints.auto_router_endpoints": {
            Handling.FREE: """
                validate_complexity_router_config get_auto_router_availability get_auto_router_benchmarks
                get_auto_router_session list_shadow_eval_jobs get_shadow_eval_job stop_shadow_eval_job
            """,
        },
        "litellm.proxy.management_endpoints.usage_endpoints.endpoints": {Handling.CLOSED: "usage_ai_chat"},
    }
)
"""Modules of which each function is known by name; any other function of theirs is closed."""

_HANDLINGS: Mapping[tuple[str, str], Handling] = MappingProxyType(
    {
        (module, name): handling
        for module, handlings in _NAMED.items()
        for handling, names in handlings.items()
        for name in names.split()
    }
)


def handling_of(endpoint: object) -> Handling:
    """How an address is handled, by the function that serves it."""
    module, name = getattr(endpoint, "__module__", ""), getattr(endpoint, "__qualname__", "")
    if module in _NAMED:
        return _HANDLINGS.get((module, name), Handling.CLOSED)
    return Handling.FREE if module.startswith(_FREE_MODULES) else Handling.CLOSED


def handling_of_mount(path: str) -> Handling:
    """How the addresses below a mounted application are handled."""
    return Handling.FREE if path in _FREE_MOUNTS else Handling.CLOSED
