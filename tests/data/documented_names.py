"""The names that the documents use which the API comes from, by class; `rapyer` for functions of the package."""

from __future__ import annotations

_COMMON = "Meta asave aload client clone field_name field_path json_path key load pipeline redis save"

DOCUMENTED = {
    # Models: properties, instance methods, class methods, context managers.
    "AtomicRedisModel": "adelete adelete_by_key adelete_many aduplicate aduplicate_many aexists afind afind_keys afind_one "
    "aget ainsert aload alock alock_from_key apipeline asave aset_ttl aupdate class_key_initials field_name field_path "
    "is_inner_model json_path key pk update "
    # the older generation of names, and what the reference lists besides
    "save load pipeline delete duplicate duplicate_many client client_json key_initials redis_dump redis_dump_json "
    "index_name redis_schema acreate_index adelete_index init_class create_redis_model",
    # Functions of the package.
    "Reference": "afetch aunload is_resolved target_key value",
    "rapyer": "acheck_references afetch_all areferrers adelete_many aexists afind afind_one aget ainsert alock_from_key apipeline find_redis_models init_rapyer "
    "teardown_rapyer",
    # Field types.
    "RedisStr": _COMMON,
    "RedisInt": f"{_COMMON} aincrease increase",
    "RedisFloat": f"{_COMMON} aincrease increase",
    "RedisBytes": _COMMON,
    "RedisDatetime": _COMMON,
    "RedisDatetimeTimestamp": _COMMON,
    "RedisList": f"{_COMMON} __iadd__ __setitem__ aappend aclear aextend ainsert apop append clear extend insert remove_range",
    "RedisSet": "Meta client clone field_name field_path json_path key pipeline redis special_key special_field_key "
    "asave_special adelete_special aduplicate_special aadd aadd_many aclear acontains adifference aintersect amembers apop "
    "aremove asize aunion acontains_many aiter_members apop_many asymmetric_difference "
    "add clear difference_update discard intersection_update remove symmetric_difference_update update pop "
    "__iand__ __ior__ __isub__ __ixor__",
    "RedisPriorityQueue": "Meta client clone field_name field_path json_path key pipeline redis special_key "
    "special_field_key asave_special adelete_special aduplicate_special aclear aitems apeek apeek_item apop apop_item "
    "apop_many apop_max apush apush_many arange aremove asize",
    "RedisDict": f"{_COMMON} __setitem__ aclear adel_item apop apopitem aset_item aupdate clear update",
}
