"""What LiteLLM asks for that is not metered: kinds of call that cost nothing, and those that are refused.

``tests/unit/hooks/test_call_types.py`` compares the two with LiteLLM's own lists.
"""

from __future__ import annotations

FREE_CALL_TYPES = frozenset(
    {
        # Reading, listing, deleting, cancelling what a metered call made: no provider charges for it.
        "aget_responses",
        "adelete_responses",
        "acancel_responses",
        "alist_input_items",
        "aget_interaction",
        "adelete_interaction",
        "acancel_interaction",
        "aretrieve_batch",
        "alist_batches",
        "acancel_batch",
        "afile_retrieve",
        "afile_delete",
        "afile_list",
        "alist_fine_tuning_jobs",
        "aretrieve_fine_tuning_job",
        "acancel_fine_tuning_job",
        "avideo_list",
        "avideo_status",
        "avideo_get_character",
        "alist_containers",
        "aretrieve_container",
        "adelete_container",
        "alist_container_files",
        "aretrieve_container_file",
        "adelete_container_file",
        "avector_store_retrieve",
        "avector_store_list",
        "avector_store_delete",
        "avector_store_file_list",
        "avector_store_file_retrieve",
        "avector_store_file_delete",
        "alist_evals",
        "aget_eval",
        "adelete_eval",
        "acancel_eval",
        "alist_runs",
        "aget_run",
        "acancel_run",
        "adelete_run",
        "alist_skills",
        "aget_skill",
        "adelete_skill",
        "aget_agent",
        "alist_agents",
        "adelete_agent",
        "alist_agent_versions",
        "list_mcp_tools",
    }
)
"""Kinds of call for which no provider charges. They pass unmetered."""

REFUSED_CALL_TYPES = frozenset(
    {
        # Sessions whose use is told bit by bit, if at all, while they last.
        "_arealtime",
        "_aresponses_websocket",
        "acreate_realtime_client_secret",
        "acreate_realtime_transcription_session",
        "arealtime_calls",
        # Work that goes on when the answer has left.
        "acreate_batch",
        "acreate_file",
        "acreate_fine_tuning_job",
        "acreate_eval",
        "aupdate_eval",
        "acreate_run",
        "acreate_interaction",
        "acreate_agent",
        "asend_message",
        "call_mcp_tool",
        # Paid for by measures that no answer states.
        "acompact_responses",
        "avideo_generation",
        "avideo_remix",
        "avideo_edit",
        "avideo_extension",
        "avideo_create_character",
        "avideo_content",
        "afile_content",
        "aretrieve_container_file_content",
        "aingest",
        "aocr",
        "asearch",
        "adecisions",
        "asystemone",
        "acreate_container",
        "aupload_container_file",
        "avector_store_create",
        "avector_store_update",
        "avector_store_search",
        "avector_store_file_create",
        "avector_store_file_update",
        "avector_store_file_content",
        "acreate_skill",
        "apply_guardrail",
        # What LiteLLM passes on as it is.
        "pass_through_endpoint",
        "allm_passthrough_route",
        "text_completion",
    }
)
"""Kinds of call that LiteLLM asks for and that are refused, unless ``unmetered_call_types`` names them.

Anything else that is not metered is refused as well; this list is what is known and was decided.
"""
