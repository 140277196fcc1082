"""Operators known to contain no convolution and no matrix product.

Any other operator that no counter knows makes a figure "not counted". An operator belongs
here if torch computes it element by element, by a reduction, or by moving values around.
"""

ELEMENT_BY_ELEMENT = """
    abs acos acosh add addcdiv addcmul alpha_dropout angle asin asinh atan atan2 atanh
    bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
    bitwise_xor ceil celu clamp clamp_max clamp_min clip conj copysign cos cosh deg2rad div
    divide dropout elu eq erf erfc erfinv exp exp2 expm1 feature_alpha_dropout
    feature_dropout fill floor floor_divide fmax fmin fmod frac ge gelu glu greater
    greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot isclose
    isfinite isin isinf isnan isneginf isposinf le leaky_relu lerp less less_equal lgamma
    log log10 log1p log2 log_sigmoid logaddexp logaddexp2 logical_and logical_not
    logical_or logical_xor logit lt masked_fill maximum minimum mish mul multiply
    nan_to_num native_dropout ne neg negative not_equal positive pow prelu rad2deg
    reciprocal relu relu6 remainder round rrelu rrelu_with_noise rsqrt rsub selu sgn
    sigmoid sign signbit silu sin sinc sinh softplus softshrink sqrt square sub subtract
    tan tanh threshold true_divide trunc where xlogy zero
    __and__ __or__ __xor__ __lshift__ __rshift__ __not__ __is__ __isnot__ __contains__
"""

REDUCTIONS_AND_NORMS = """
    _log_softmax _softmax _weight_norm _weight_norm_interface adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d all amax amin aminmax any argmax argmin argsort avg_pool1d
    avg_pool2d avg_pool3d batch_norm bincount bucketize cosine_similarity count_nonzero
    cummax cummin cumprod cumsum fractional_max_pool2d group_norm histc instance_norm
    kthvalue layer_norm linalg_vector_norm log_softmax logcumsumexp logsumexp max
    max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices mean median min mode msort nanmean nanmedian nansum
    native_batch_norm native_group_norm native_layer_norm norm norm_except_dim
    pairwise_distance prod quantile rms_norm searchsorted softmax sort std
    std_mean sum sum_to_size topk unique_consecutive unique_dim var var_mean
"""

MOVING_AND_MAKING = """
    Bool Complex Delete Float FloatImplicit Int IntImplicit ScalarImplicit _cast_Float
    _convert_indices_from_coo_to_csr _reshape_alias _shape_as_tensor _to_copy _unique2
    adjoint alias append arange argwhere as_strided as_strided_scatter atleast_1d
    atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cat channel_shuffle
    chunk clone col2im column_stack complex concat concatenate constant_pad_nd contiguous
    copy cpu cuda detach diag diag_embed diagonal diagonal_copy diagonal_scatter dim
    dsplit dstack embedding empty empty_like empty_permuted empty_strided expand expand_as
    expand_copy eye flatten flip fliplr flipud full full_like gather grid_sampler
    grid_sampler_2d grid_sampler_3d hsplit hstack im2col imag index index_add index_copy
    index_fill index_put index_reduce index_select is_floating_point isreal item len
    lift_fresh linspace logspace masked_scatter masked_select meshgrid moveaxis movedim
    mT mH matrix_H narrow narrow_copy new_empty new_empty_strided new_full new_ones
    new_zeros nonzero nonzero_numpy normal numel numpy_T one_hot ones ones_like pad
    permute permute_copy pixel_shuffle pixel_unshuffle put rand rand_like randint
    randint_like randn randn_like randperm range ravel real reflection_pad1d
    reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d requires_grad reshape reshape_as resize
    resolve_conj resolve_neg roll rot90 scalar_tensor scatter scatter_add scatter_reduce
    select select_copy select_scatter set_ size slice slice_copy slice_scatter split
    split_with_sizes squeeze squeeze_copy stack stride swapaxes swapdims t take
    take_along_dim tensor tensor_split tile to transpose transpose_copy tril tril_indices
    triu triu_indices type_as unbind unflatten unfold uniform unsafe_chunk unsafe_split
    unsafe_split_with_sizes unsqueeze unsqueeze_copy upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d _upsample_bicubic2d_aa
    _upsample_bilinear2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
    _upsample_nearest_exact3d vander view view_as view_as_complex view_as_real view_copy
    vsplit vstack zeros zeros_like
"""

HARMLESS = {
    f"aten::{name}"
    for group in (ELEMENT_BY_ELEMENT, REDUCTIONS_AND_NORMS, MOVING_AND_MAKING)
    for name in group.split()
} | {"prim::PythonOp._NoopSaveInputs"}  # of torch.utils.checkpoint


def is_harmless(operator: str) -> bool:
    """In-place operators too: aten::relu_ like aten::relu."""
    return operator in HARMLESS or operator.removesuffix("_") in HARMLESS
