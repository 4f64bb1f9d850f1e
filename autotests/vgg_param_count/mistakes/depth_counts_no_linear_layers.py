# mistake: VGG-16 has sixteen convolutions; the linear layers come on top.
# caught by: test_depth_of_the_configurations, test_paper_configurations
# hint: Count the convolutions in each column

VGG_CONFIGS["D"] = list(VGG_CONFIGS["E"])
